#include "control/route_emitter/route_messages.h"

#include <utility>

#include "cf/wire/registry_message.h"
#include "cf/wire/tcp_route_message.h"

namespace causeway::route_emitter {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// What HTTP and internal routes say alike.
cf::RegistryMessage about(const Desired& desired, const Instance& instance) {
  cf::RegistryMessage message;
  message.app = desired.log_guid;
  message.private_instance_id = instance.key.instance_guid;
  message.private_instance_index = std::to_string(instance.index);
  message.endpoint_updated_at_ns = instance.since_ns;
  message.availability_zone = instance.availability_zone;
  for (const auto& [name, tag] : desired.metric_tags) {
    switch (tag.kind) {
      case MetricTag::Kind::index:
        message.tags[name] = message.private_instance_index;
        break;
      case MetricTag::Kind::instance_guid:
        message.tags[name] = message.private_instance_id;
        break;
      case MetricTag::Kind::fixed:
        message.tags[name] = tag.text;
        break;
    }
  }
  message.tags["component"] = "route-emitter";
  return message;
}

}  // namespace

std::string_view register_subject(RouteKind kind) {
  switch (kind) {
    case RouteKind::http:
      return "router.register";
    case RouteKind::tcp:
      return "router.tcp.register";
    case RouteKind::internal:
      return "service-discovery.register";
  }
  return {};
}

std::string_view unregister_subject(RouteKind kind) {
  switch (kind) {
    case RouteKind::http:
      return "router.unregister";
    case RouteKind::tcp:
      return "router.tcp.unregister";
    case RouteKind::internal:
      return "service-discovery.unregister";
  }
  return {};
}

uint16_t http_port(const PortPair& pair) { return pair.tls_port != 0 ? pair.tls_port : pair.port; }
uint16_t tcp_port(const PortPair& pair) { return pair.port != 0 ? pair.port : pair.tls_port; }

RouteKey key_of(const HttpRoute& route, const Instance& instance, const PortPair& pair) {
  return {lower(route.hostname), instance.host, http_port(pair), RouteKind::http};
}

RouteKey key_of(const TcpRoute& route, const Instance& instance, const PortPair& pair) {
  std::string uri = route.router_group_guid + ":" + std::to_string(route.external_port);
  if (!route.sni_hostname.empty()) uri += "/" + lower(route.sni_hostname);
  return {std::move(uri), instance.host, tcp_port(pair), RouteKind::tcp};
}

RouteKey internal_key(const std::string& hostname, const Instance& instance) {
  return {lower(hostname), instance.container_ip, 0, RouteKind::internal};
}

std::string message_of(const Desired& desired, const HttpRoute& route, const Instance& instance,
                       const PortPair& pair) {
  cf::RegistryMessage message = about(desired, instance);
  message.host = instance.host;
  message.port = pair.port;
  message.tls_port = pair.tls_port;
  message.uris = {route.hostname};
  if (pair.tls_port != 0) message.server_cert_domain_san = instance.key.instance_guid;
  message.protocol = route.protocol;
  message.route_service_url = route.route_service_url;
  message.isolation_segment = route.isolation_segment;
  message.options_json = route.options;
  return cf::to_json(message);
}

cf::TcpRouteMessage tcp_message(const Desired& desired, const TcpRoute& route,
                                const Instance& instance, const PortPair& pair) {
  return cf::TcpRouteMessage{
      .router_group_guid = route.router_group_guid,
      .external_port = route.external_port,
      .host = instance.host,
      .port = pair.port,
      .tls_port = pair.tls_port,
      .sni_hostname = route.sni_hostname,
      .terminate_frontend_tls = route.terminate_frontend_tls,
      .enable_backend_mtls = route.enable_backend_mtls,
      .app = desired.log_guid,
      .private_instance_id = instance.key.instance_guid,
      .private_instance_index = std::to_string(instance.index),
      .server_cert_domain_san = pair.tls_port != 0 ? instance.key.instance_guid : std::string(),
      .isolation_segment = {},
      .availability_zone = instance.availability_zone,
      .stale_threshold_in_seconds = 0,
      .endpoint_updated_at_ns = instance.since_ns};
}

std::string internal_message(const Desired& desired, const std::string& hostname,
                             const Instance& instance) {
  cf::RegistryMessage message = about(desired, instance);
  message.host = instance.container_ip;
  message.uris = {hostname, std::to_string(instance.index) + "." + hostname};
  return cf::to_json(message);
}

}  // namespace causeway::route_emitter
