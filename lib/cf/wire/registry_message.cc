#include "cf/wire/registry_message.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "cf/wire/endpoint_fields.h"
#include "cf/wire/json_fields.h"
#include "cf/wire/plain_registry_message.h"
#include "json/json.h"

namespace causeway::cf {

namespace {

// A number, or the text of one: Cloud Controller hands on what the user wrote.
void read_hash_balance(const JsonFields& options, double& target) {
  const json::Node found = options.node("hash_balance");
  if (!found.exists() || found.is_null()) return;
  std::optional<double> number = found.number();
  if (const auto text = found.string()) {
    double parsed = 0;
    const char* const end = text->data() + text->size();
    const auto [rest, failed] = std::from_chars(text->data(), end, parsed);
    if (text->empty() || (failed == std::errc{} && rest == end)) number = parsed;
  }
  if (!number || !std::isfinite(*number)) return options.note("hash_balance", "not a number");
  target = *number;
}

void check(const RegistryMessage& message, WireFault& fault) {
  check_endpoint(message, fault);
  if (!message.route_service_url.empty() && !message.route_service_url.starts_with("https")) {
    fault.note("", "route_service_url", "not https");
  }
}

}  // namespace

std::string to_json(const RegistryMessage& message) {
  json::Writer writer;
  SparseMembers members(writer);
  writer.object();
  members.text("host", message.host);
  members.number("port", message.port);
  members.number("tls_port", message.tls_port);
  writer.key("uris").array();
  for (const std::string& uri : message.uris) writer.value(std::string_view(uri));
  writer.end();
  write_instance(members, message);
  members.text("protocol", message.protocol);
  members.text("route_service_url", message.route_service_url);
  if (!message.tags.empty()) {
    writer.key("tags").object();
    for (const auto& [name, value] : message.tags) writer.member(name, std::string_view(value));
    writer.end();
  }
  if (!message.options_json.empty()) {
    writer.key("options").raw(message.options_json);
  } else if (!message.loadbalancing.empty()) {
    writer.key("options").object();
    members.text("loadbalancing", message.loadbalancing);
    members.text("hash_header", message.hash_header);
    members.number("hash_balance", message.hash_balance);
    writer.end();
  }
  return writer.end().take();
}

Result<RegistryMessage> parse_registry_message(std::string_view json) {
  RegistryMessage message;
  WireFault fault;
  if (read_plain_registry_message(json, message)) {
    check(message, fault);
    if (!fault.is_empty()) return fault.error();
    return message;
  }
  message = {};
  auto document = json::Document::parse(json);
  if (!document) return std::move(document).error();
  const json::Node root = document->root();
  if (!root.is_object()) fault.note("", "", "not an object");
  const JsonFields fields(root, "", fault);
  read_endpoint(fields, message);
  fields.read("uris", message.uris);
  fields.read("protocol", message.protocol);
  fields.read("route_service_url", message.route_service_url);
  fields.read("tags", message.tags);
  const JsonFields options = fields.object("options");
  options.read("loadbalancing", message.loadbalancing);
  options.read("hash_header", message.hash_header);
  read_hash_balance(options, message.hash_balance);
  check(message, fault);
  if (!fault.is_empty()) return fault.error();
  return message;
}

std::string to_json(const RouterStart& start) {
  json::Writer writer;
  writer.object().member("id", std::string_view(start.id)).key("hosts").array();
  for (const std::string& host : start.hosts) writer.value(std::string_view(host));
  writer.end();
  writer.member("minimumRegisterIntervalInSeconds", start.minimum_register_interval_s);
  writer.member("pruneThresholdInSeconds", start.prune_threshold_s);
  return writer.end().take();
}

Result<RouterStart> parse_router_start(std::string_view json) {
  auto document = json::Document::parse(json);
  if (!document) return std::move(document).error();
  const json::Node root = document->root();
  WireFault fault;
  if (!root.is_object()) fault.note("", "", "not an object");
  const JsonFields fields(root, "", fault);
  RouterStart start;
  fields.read("id", start.id);
  fields.read("hosts", start.hosts);
  fields.read_whole("minimumRegisterIntervalInSeconds", start.minimum_register_interval_s);
  fields.read_whole("pruneThresholdInSeconds", start.prune_threshold_s);
  if (!fault.is_empty()) return fault.error();
  return start;
}

}  // namespace causeway::cf
