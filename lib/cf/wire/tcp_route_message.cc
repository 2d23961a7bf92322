#include "cf/wire/tcp_route_message.h"

#include <limits>
#include <optional>
#include <utility>

#include "cf/wire/json_fields.h"
#include "json/json.h"

namespace causeway::cf {

namespace {

template <class Integer>
void read_whole(const JsonFields& fields, std::string_view key, Integer& target) {
  const json::Node found = fields.node(key);
  if (!found.exists() || found.is_null()) return;
  const std::optional<int64_t> number = found.integer();
  if (!number || *number < int64_t{std::numeric_limits<Integer>::min()} ||
      *number > int64_t{std::numeric_limits<Integer>::max()}) {
    fields.note(key, found.is_number() ? "out of range" : "not a number");
    return;
  }
  target = static_cast<Integer>(*number);
}

}  // namespace

std::string to_json(const TcpRouteMessage& message) {
  json::Writer writer;
  const auto text = [&writer](std::string_view key, const std::string& value) {
    if (!value.empty()) writer.member(key, std::string_view(value));
  };
  const auto number = [&writer](std::string_view key, auto value) {
    if (value != 0) writer.member(key, value);
  };
  writer.object();
  text("router_group_guid", message.router_group_guid);
  number("external_port", message.external_port);
  text("host", message.host);
  number("port", message.port);
  number("tls_port", message.tls_port);
  text("sni_hostname", message.sni_hostname);
  if (message.terminate_frontend_tls) writer.member("terminate_frontend_tls", true);
  if (message.enable_backend_mtls) writer.member("enable_backend_mtls", true);
  text("app", message.app);
  text("private_instance_id", message.private_instance_id);
  text("private_instance_index", message.private_instance_index);
  text("server_cert_domain_san", message.server_cert_domain_san);
  text("isolation_segment", message.isolation_segment);
  text("availability_zone", message.availability_zone);
  number("stale_threshold_in_seconds", message.stale_threshold_in_seconds);
  number("endpoint_updated_at_ns", message.endpoint_updated_at_ns);
  return writer.end().take();
}

Result<TcpRouteMessage> parse_tcp_route_message(std::string_view json) {
  auto document = json::Document::parse(json);
  if (!document) return std::move(document).error();
  const json::Node root = document->root();
  WireFault fault;
  if (!root.is_object()) fault.note("", "", "not an object");
  const JsonFields fields(root, "", fault);
  TcpRouteMessage message;
  fields.read("router_group_guid", message.router_group_guid);
  read_whole(fields, "external_port", message.external_port);
  fields.read("host", message.host);
  read_whole(fields, "port", message.port);
  read_whole(fields, "tls_port", message.tls_port);
  fields.read("sni_hostname", message.sni_hostname);
  fields.read("terminate_frontend_tls", message.terminate_frontend_tls);
  fields.read("enable_backend_mtls", message.enable_backend_mtls);
  fields.read("app", message.app);
  fields.read("private_instance_id", message.private_instance_id);
  fields.read("private_instance_index", message.private_instance_index);
  fields.read("server_cert_domain_san", message.server_cert_domain_san);
  fields.read("isolation_segment", message.isolation_segment);
  fields.read("availability_zone", message.availability_zone);
  read_whole(fields, "stale_threshold_in_seconds", message.stale_threshold_in_seconds);
  read_whole(fields, "endpoint_updated_at_ns", message.endpoint_updated_at_ns);
  if (message.external_port == 0) fault.note("", "external_port", "missing");
  if (message.host.empty()) fault.note("", "host", "missing");
  if (message.port == 0 && message.tls_port == 0) fault.note("", "port", "missing");
  if (!fault.is_empty()) return fault.error();
  return message;
}

}  // namespace causeway::cf
