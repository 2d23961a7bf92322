#include "cf/wire/tcp_route_message.h"

#include <utility>

#include "cf/wire/endpoint_fields.h"
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
  write_instance(members, message);
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
  read_endpoint(fields, message);
  fields.read("sni_hostname", message.sni_hostname);
  fields.read("terminate_frontend_tls", message.terminate_frontend_tls);
  fields.read("enable_backend_mtls", message.enable_backend_mtls);
  if (message.external_port == 0) fault.note("", "external_port", "missing");
  check_endpoint(message, fault);
  if (!fault.is_empty()) return fault.error();
  return message;
}

}  // namespace causeway::cf
