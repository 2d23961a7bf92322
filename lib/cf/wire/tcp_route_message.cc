#include "cf/wire/tcp_route_message.h"

#include <utility>

#include "cf/wire/json_fields.h"
#include "json/json.h"

namespace causeway::cf {

std::string to_json(const TcpRouteMessage& message) {
  json::Writer writer;
  SparseMembers members(writer);
  writer.object();
  members.text("router_group_guid", message.router_group_guid);
  members.number("external_port", message.external_port);
  members.text("host", message.host);
  members.number("port", message.port);
  members.number("tls_port", message.tls_port);
  members.text("sni_hostname", message.sni_hostname);
  if (message.terminate_frontend_tls) writer.member("terminate_frontend_tls", true);
  if (message.enable_backend_mtls) writer.member("enable_backend_mtls", true);
  members.text("app", message.app);
  members.text("private_instance_id", message.private_instance_id);
  members.text("private_instance_index", message.private_instance_index);
  members.text("server_cert_domain_san", message.server_cert_domain_san);
  members.text("isolation_segment", message.isolation_segment);
  members.text("availability_zone", message.availability_zone);
  members.number("stale_threshold_in_seconds", message.stale_threshold_in_seconds);
  members.number("endpoint_updated_at_ns", message.endpoint_updated_at_ns);
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
  fields.read_whole("external_port", message.external_port);
  fields.read("host", message.host);
  fields.read_whole("port", message.port);
  fields.read_whole("tls_port", message.tls_port);
  fields.read("sni_hostname", message.sni_hostname);
  fields.read("terminate_frontend_tls", message.terminate_frontend_tls);
  fields.read("enable_backend_mtls", message.enable_backend_mtls);
  fields.read("app", message.app);
  fields.read("private_instance_id", message.private_instance_id);
  fields.read("private_instance_index", message.private_instance_index);
  fields.read("server_cert_domain_san", message.server_cert_domain_san);
  fields.read("isolation_segment", message.isolation_segment);
  fields.read("availability_zone", message.availability_zone);
  fields.read_whole("stale_threshold_in_seconds", message.stale_threshold_in_seconds);
  fields.read_whole("endpoint_updated_at_ns", message.endpoint_updated_at_ns);
  if (message.external_port == 0) fault.note("", "external_port", "missing");
  if (message.host.empty()) fault.note("", "host", "missing");
  if (message.port == 0 && message.tls_port == 0) fault.note("", "port", "missing");
  if (!fault.is_empty()) return fault.error();
  return message;
}

}  // namespace causeway::cf
