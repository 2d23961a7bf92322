#include "cf/wire/registry_message.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "cf/wire/json_fields.h"
#include "cf/wire/plain_registry_message.h"
#include "json/json.h"

namespace causeway::cf {

namespace {

// A whole number of the range of `Integer`; absent and null leave the target.
template <class Integer>
void read_number(json::Node object, std::string_view key, Integer& target, WireFault& fault) {
  const json::Node found = object[key];
  if (!found.exists() || found.is_null()) return;
  const std::optional<int64_t> number = found.integer();
  if (!number || *number < int64_t{std::numeric_limits<Integer>::min()} ||
      *number > int64_t{std::numeric_limits<Integer>::max()}) {
    fault.note("", key, found.is_number() ? "out of range" : "not a number");
    return;
  }
  target = static_cast<Integer>(*number);
}

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
  if (message.host.empty()) fault.note("", "host", "missing");
  if (message.port == 0 && message.tls_port == 0) fault.note("", "port", "missing");
  if (!message.route_service_url.empty() && !message.route_service_url.starts_with("https")) {
    fault.note("", "route_service_url", "not https");
  }
}

}  // namespace

std::string to_json(const RegistryMessage& message) {
  json::Writer writer;
  const auto text = [&writer](std::string_view key, const std::string& value) {
    if (!value.empty()) writer.member(key, std::string_view(value));
  };
  const auto number = [&writer](std::string_view key, auto value) {
    if (value != 0) writer.member(key, value);
  };
  writer.object();
  text("host", message.host);
  number("port", message.port);
  number("tls_port", message.tls_port);
  writer.key("uris").array();
  for (const std::string& uri : message.uris) writer.value(std::string_view(uri));
  writer.end();
  text("app", message.app);
  text("private_instance_id", message.private_instance_id);
  text("private_instance_index", message.private_instance_index);
  text("server_cert_domain_san", message.server_cert_domain_san);
  text("protocol", message.protocol);
  text("route_service_url", message.route_service_url);
  number("stale_threshold_in_seconds", message.stale_threshold_in_seconds);
  number("endpoint_updated_at_ns", message.endpoint_updated_at_ns);
  text("isolation_segment", message.isolation_segment);
  text("availability_zone", message.availability_zone);
  if (!message.tags.empty()) {
    writer.key("tags").object();
    for (const auto& [name, value] : message.tags) writer.member(name, std::string_view(value));
    writer.end();
  }
  if (!message.options_json.empty()) {
    writer.key("options").raw(message.options_json);
  } else if (!message.loadbalancing.empty()) {
    writer.key("options").object();
    text("loadbalancing", message.loadbalancing);
    text("hash_header", message.hash_header);
    number("hash_balance", message.hash_balance);
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
  fields.read("host", message.host);
  read_number(root, "port", message.port, fault);
  read_number(root, "tls_port", message.tls_port, fault);
  fields.read("uris", message.uris);
  fields.read("app", message.app);
  fields.read("private_instance_id", message.private_instance_id);
  fields.read("private_instance_index", message.private_instance_index);
  fields.read("server_cert_domain_san", message.server_cert_domain_san);
  fields.read("protocol", message.protocol);
  fields.read("route_service_url", message.route_service_url);
  read_number(root, "stale_threshold_in_seconds", message.stale_threshold_in_seconds, fault);
  read_number(root, "endpoint_updated_at_ns", message.endpoint_updated_at_ns, fault);
  fields.read("isolation_segment", message.isolation_segment);
  fields.read("availability_zone", message.availability_zone);
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
  read_number(root, "minimumRegisterIntervalInSeconds", start.minimum_register_interval_s, fault);
  read_number(root, "pruneThresholdInSeconds", start.prune_threshold_s, fault);
  if (!fault.is_empty()) return fault.error();
  return start;
}

}  // namespace causeway::cf
