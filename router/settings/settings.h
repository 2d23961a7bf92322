#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "router/settings/proxy_protocol.h"

namespace causeway::tls {
class ClientContext;
}

namespace causeway::router {

enum class ClientCertPolicy : uint8_t { always_forward, forward, sanitize_set };
enum class RedactQuery : uint8_t { none, all, hash };

class ErrorTemplate;

// What X-Forwarded-Client-Cert says of a certificate: all of it in base64, or
// Hash=...;Subject="...".
enum class ClientCertFormat : uint8_t { raw, envoy };

// A domain whose clients must show a certificate (`domains`). Requests for it come over connections
// that asked for the very same host by SNI.
struct MtlsDomain {
  std::string name;  // in lower case; "*.example.com" for one label
  ClientCertPolicy forwarded_client_cert = ClientCertPolicy::sanitize_set;
  ClientCertFormat format = ClientCertFormat::raw;
};

// Upper bounds of histograms (prometheus.meters), in each one's own unit. gorouter's defaults, with
// finer ones where those would put every request into one bucket (doc/adr/0020).
struct HistogramBounds {
  std::vector<double> route_lookup_ns{1'000,  2'000,  5'000,  10'000, 20'000, 30'000, 40'000,
                                      50'000, 60'000, 70'000, 80'000, 90'000, 100'000};
  std::vector<double> route_registration_ms{0.1, 0.2, 0.5,  1,    2,    4,      10,     50,    100,
                                            200, 500, 1000, 2000, 5000, 10'000, 20'000, 60'000};
  std::vector<double> gorouter_seconds{0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05,
                                       0.1,    0.5,    1,      10,    25,    50,    100,  1000};
  std::vector<double> latency_ms{1,   2,   4,   6,    8,    10,   20,     40,     50,
                                 100, 200, 500, 1000, 2000, 5000, 10'000, 30'000, 60'000};
  std::vector<double> http_latency_seconds{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,
                                           0.5,   1,     2,     5,    10,   30,   60};
};

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

  // What proxies in front say of their clients (enable_proxy).
  ProxyProtocol proxy_protocol;

  // Times. 0 = none.
  Duration endpoint_timeout = std::chrono::seconds(60);        // whole exchange with the backend
  Duration http2_endpoint_timeout = std::chrono::seconds(60);  // the same, of HTTP/2 clients
  Duration endpoint_dial_timeout = std::chrono::seconds(5);    // per attempt
  Duration tls_handshake_timeout = std::chrono::seconds(10);   // per attempt, after connecting
  Duration frontend_handshake_timeout = std::chrono::seconds(10);  // TLS of clients, from accept
  uint32_t frontend_handshakes_per_second =
      0;  // of a worker; more wait for their turn. 0: no limit
  Duration frontend_idle_timeout = std::chrono::seconds(900);  // client connection between requests
  // First byte to end of head; 0: the idle timeout, as in gorouter (doc/adr/0017).
  Duration read_header_timeout = std::chrono::seconds(60);
  // What WebSockets and other upgrades have at drain to come to their end; 0: cut.
  Duration websocket_drain_timeout = std::chrono::seconds(20);
  Duration endpoint_keep_alive_probe_interval = std::chrono::seconds(1);

  // HTTP/2 of clients: what a connection is told at its beginning, and how long it lives.
  struct Http2 {
    uint32_t max_concurrent_streams = 250;
    uint32_t stream_window_bytes = 256u << 10;    // of a request body that no backend takes yet
    uint32_t connection_window_bytes = 1u << 20;  // of all bodies of a connection
    // From then on it takes no new streams and ends with its last one; 0: never.
    Duration connection_age_max = Duration::zero();
    // A reply whose client takes next to nothing of it for so long is reset.
    Duration stall_timeout = std::chrono::seconds(30);
    bool on_plain_port = false;  // enable_h2c: by prior knowledge, on `port`
  };
  Http2 http2;

  // Backends.
  std::shared_ptr<const tls::ClientContext> backend_tls;  // null: no endpoint with TLS is reached
  // HTTP/2 with clients and with endpoints registered as such; those with TLS agree by ALPN.
  bool enable_http2 = true;
  // Endpoints without TLS that are registered for HTTP/2 are spoken to in it, unasked
  // (backends.http2_prior_knowledge); otherwise in HTTP/1.1, as gorouter does.
  bool http2_prior_knowledge = false;
  // An HTTP/2 connection with open streams on which an endpoint has been silent for so long is
  // asked for a sign of life, and given up after as long again (backends.http2_ping_interval).
  Duration http2_ping_interval = std::chrono::seconds(30);
  uint32_t max_attempts = 1;  // backends.max_attempts, at least 1
  uint32_t max_conns = 0;  // backends.max_conns: exchanges in flight per endpoint, over all workers
  // An exchange counts as in flight until the end of its reply, tunnels included; otherwise until
  // its head (gorouter.md section 4).
  bool counts_whole_exchanges = false;
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
  std::vector<MtlsDomain> mtls_domains;
  std::vector<std::string> hop_by_hop_headers_to_filter;
  std::string healthcheck_user_agent = "HTTP-Monitor/1.1";
  std::string trace_key;
  std::string router_ip;  // X-Vcap-Router

  // Sticky sessions.
  std::vector<std::string> sticky_session_cookie_names = {"JSESSIONID"};
  bool sticky_sessions_for_auth_negotiate = false;
  bool secure_cookies = false;

  // Trace headers.
  bool enable_zipkin = false;
  bool enable_w3c = false;
  std::string w3c_tenant_id;

  struct RouteServices {
    using Key = std::array<std::byte, 16>;
    std::optional<Key> key;         // of route_services_secret; none: services are not supported
    std::optional<Key> former_key;  // of route_services_secret_decrypt_only
    Duration timeout = std::chrono::seconds(60);  // age of a signature
    uint32_t max_attempts = 1;
    bool recommend_https = false;
    bool hairpinning = false;
    std::vector<std::string> hairpinning_allowlist;  // none: every host
    bool strict_signature_validation = false;
    bool enable_websockets = false;
    // For services outside of the route table; null: they cannot be reached.
    std::shared_ptr<const tls::ClientContext> tls;
  };
  RouteServices route_services;

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
  std::vector<std::string> extra_headers_to_log;     // and those of tracing, when it is on
  std::vector<std::string> extra_access_log_fields;  // known names only, in order

  // Errors of the router's own: html_error_template_file; null: plain text.
  std::shared_ptr<const ErrorTemplate> error_template;

  // Metrics.
  bool per_request_metrics_reporting = true;
  bool per_app_prometheus_http_metrics_reporting = false;
  bool counts_requests_of_apps = false;  // for /varz
  HistogramBounds histogram_bounds;
};

}  // namespace causeway::router
