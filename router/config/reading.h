#pragma once

// Internal to router/config.

#include <string>
#include <string_view>

#include "config/config.h"
#include "router/config/router_config.h"

namespace causeway::router {

// One configuration while it is read: the file's root and what becomes of it. Owner:
// parse_config().
struct Reading {
  config::Section root;
  LoadedConfig& loaded;

  void warn(std::string key, std::string effect) {
    loaded.warnings.push_back({std::move(key), std::move(effect)});
  }
  // A switch for something that is not built: warns when it is set to true.
  void not_built(config::Section section, std::string_view key, std::string_view effect);
  // A duration that gorouter has and nothing here needs: checked, then dropped.
  static void check_duration(config::Section section, std::string_view key);
  static void check_text(config::Section section, std::string_view key);
  // A certificate and its key that belong together, as PEM. True when both are there and usable;
  // both may be left out unless they are required.
  struct PairKeys {
    std::string_view certificate_key;
    std::string_view private_key_key;
    bool is_required;
  };
  static bool read_pair(config::Section section, const PairKeys& keys, std::string& certificate,
                        std::string& private_key);
};

// NATS, sharding, pruning, balancing.
void read_routes(Reading& reading);
// TLS of the listeners, of backends and the health listener; after the listeners.
void read_tls(Reading& reading);
// What is demanded of clients' certificates, by the way for single domains.
void read_tls_clients(Reading& reading);
// A PEM text, or with "_file" behind the key the path of one.
void read_pem_source(config::Section section, const std::string& key, PemSource& source);
void read_sticky_sessions(Reading& reading);
void read_tracing(Reading& reading);  // after extra_headers_to_log
void read_route_services(Reading& reading);
// What an operator sees of the router: logs, error pages, metrics.
void read_observation(Reading& reading);
// PROXY protocol headers of those who connect: `enable_proxy` and `proxy_protocol` of a section.
void read_proxy_protocol(config::Section parent, ProxyProtocol& protocol);
// TCP routes; after the listeners and the times.
void read_tcp(Reading& reading);
void read_http2(Reading& reading);
// Keys of features that are not built: checked as far as they can be, one warning for each that is
// switched on.
void read_not_built(Reading& reading);

}  // namespace causeway::router
