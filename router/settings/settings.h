#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace causeway::router {

enum class ClientCertPolicy : uint8_t { always_forward, forward, sanitize_set };
enum class RedactQuery : uint8_t { none, all, hash };

// Everything the data path is told by configuration: limits, times, header rules. Names are those
// of gorouter's keys, defaults those of its binary. An immutable value, shared by all workers
// through shared_ptr<const Settings>.
struct Settings {
  // Limits. 0 = no limit of that kind, where a number is a count.
  size_t max_request_header_bytes = 1u
                                    << 20;  // request line and fields (name + value + 4 each): 431
  size_t max_request_headers = 0;           // lines: 431
  size_t max_response_header_bytes = 0;     // 0: 10 MiB, as Go's default; over it 502
  size_t max_response_headers = 0;          // lines: 502
  size_t client_connections_max = 100'000;  // per worker; a connection over it is closed at once
  size_t buffer_bytes_max =
      64u << 10;  // of one direction of one connection that waits for a slow reader

  // Times. 0 = none.
  Duration endpoint_timeout = std::chrono::seconds(60);        // whole exchange with the backend
  Duration endpoint_dial_timeout = std::chrono::seconds(5);    // per attempt
  Duration frontend_idle_timeout = std::chrono::seconds(900);  // client connection between requests
  Duration read_header_timeout = {};  // first byte to end of head; 0: the idle timeout
  Duration endpoint_keep_alive_probe_interval = std::chrono::seconds(1);

  // Backends.
  uint32_t max_attempts = 1;  // backends.max_attempts, at least 1
  uint32_t max_conns = 0;  // backends.max_conns: exchanges in flight per endpoint, over all workers
  bool disable_keep_alives = true;
  size_t max_idle_conns_per_host = 2;  // idle connections per endpoint and worker
  size_t max_idle_conns = 100;  // gorouter applies it per endpoint as well: the smaller one counts
  Duration backend_idle_timeout = std::chrono::seconds(90);
  Duration failed_mark_lifetime = std::chrono::seconds(30);  // droplet_stale_threshold / 4
  bool prefer_zone = false;  // balancing_algorithm_az_preference: locally-optimistic
  std::string zone;

  // Request headers.
  bool force_forwarded_proto_https = false;
  bool sanitize_forwarded_proto = false;
  ClientCertPolicy forwarded_client_cert = ClientCertPolicy::always_forward;
  std::vector<std::string> hop_by_hop_headers_to_filter;
  std::string healthcheck_user_agent = "HTTP-Monitor/1.1";
  std::string trace_key;
  std::string router_ip;  // X-Vcap-Router

  // Reply headers (http_rewrite.responses).
  struct RemoveHeader {
    std::string name;
    std::string value;  // "" = whatever its value
  };
  std::vector<RemoveHeader> remove_response_headers;
  std::vector<std::pair<std::string, std::string>> add_response_headers_if_not_present;

  // Empty pools (empty_pool_response_code_503) are the RouteBook's; an empty pool that is found is
  // answered 503.

  // Access log.
  bool disable_log_forwarded_for = false;
  bool disable_log_source_ip = false;
  RedactQuery redact_query_params = RedactQuery::none;
  std::vector<std::string> extra_headers_to_log;
  std::vector<std::string> extra_access_log_fields;  // known names only, in order

  // Metrics.
  bool per_request_metrics_reporting = true;
};

}  // namespace causeway::router
