#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "control/route_emitter/lrp_values.h"

namespace causeway::cf {
struct TcpRouteMessage;
}

namespace causeway::route_emitter {

// Who listens to a registration.
enum class RouteKind : uint8_t { http, tcp, internal };

// What a router tells its endpoints apart by: one registration per key.
struct RouteKey {
  std::string uri = {};   // in lower case; of a TCP route "GROUP:PORT", and its SNI hostname
  std::string host = {};  // address of the instance
  uint16_t port = 0;      // the one routers take; 0 of an internal route
  RouteKind kind = RouteKind::http;
  friend bool operator==(const RouteKey&, const RouteKey&) = default;
  // By kind first: so all of a kind stand together.
  friend bool operator<(const RouteKey& left, const RouteKey& right) {
    return std::tie(left.kind, left.uri, left.host, left.port) <
           std::tie(right.kind, right.uri, right.host, right.port);
  }
};

// The subjects that its registration and unregistration are said on.
std::string_view register_subject(RouteKind kind);
std::string_view unregister_subject(RouteKind kind);

// The key and the payload of one route of one instance. `pair`: the instance's ports of the route.
RouteKey key_of(const HttpRoute& route, const Instance& instance, const PortPair& pair);
RouteKey key_of(const TcpRoute& route, const Instance& instance, const PortPair& pair);
RouteKey internal_key(const std::string& hostname, const Instance& instance);
std::string message_of(const Desired& desired, const HttpRoute& route, const Instance& instance,
                       const PortPair& pair);
cf::TcpRouteMessage tcp_message(const Desired& desired, const TcpRoute& route,
                                const Instance& instance, const PortPair& pair);
std::string internal_message(const Desired& desired, const std::string& hostname,
                             const Instance& instance);

// 0: no router can reach it there.
uint16_t http_port(const PortPair& pair);  // the TLS port if there is one
uint16_t tcp_port(const PortPair& pair);   // the plain one if there is one

}  // namespace causeway::route_emitter
