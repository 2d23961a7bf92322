#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "metrics/registry.h"
#include "router/settings/settings.h"

namespace causeway::router {

// One worker's shard of the data path's metrics (gorouter.md section 22). Owner: the worker.
// Thread: its own writes, any scrapes.
class ProxyMetrics {
 public:
  ProxyMetrics(metrics::Registry& registry, const Settings& settings);
  ProxyMetrics(const ProxyMetrics&) = delete;
  ProxyMetrics& operator=(const ProxyMetrics&) = delete;

  // Those with a label of the endpoint's tags. References stay valid.
  struct OfComponent {
    metrics::Counter& total_requests;
    metrics::Histogram& latency;  // milliseconds
  };
  OfComponent& of_component(std::string_view component);

  // Per app, where that is asked for (per_app_prometheus_http_metrics_reporting, varz).
  metrics::Histogram& http_latency(std::string_view source_id);  // seconds
  metrics::Counter& app_requests(std::string_view app_id);

  void count_response(uint16_t status);
  void count_route_service_response(uint16_t status);

  metrics::Counter& rejected_requests;
  metrics::Counter& bad_gateways;
  metrics::Counter& empty_content_length_header;
  metrics::Counter& backend_exhausted_conns;
  metrics::Counter& backend_invalid_id;
  metrics::Counter& backend_invalid_tls_cert;
  metrics::Counter& backend_tls_handshake_failed;
  metrics::Counter& websocket_upgrades;
  metrics::Counter& websocket_failures;
  metrics::Histogram& route_lookup_time;  // nanoseconds
  metrics::Histogram& gorouter_time;      // seconds

  // Beyond gorouter's.
  metrics::Counter& client_connections_refused;
  metrics::Counter& malformed_requests;
  metrics::Counter& request_head_timeouts;
  metrics::Counter& websockets_sent_away;
  metrics::Counter& aborted_exchanges;
  metrics::Counter& http2_floods;
  metrics::Counter& http2_stalled_streams;
  metrics::Counter& backend_retries;
  metrics::Counter& backend_replays;
  metrics::Gauge& client_connections;
  metrics::Gauge& backend_connections;
  metrics::Gauge& backend_connections_idle;
  metrics::Gauge& backend_streams;
  metrics::Gauge& tunnels;

 private:
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>()(name);
    }
  };
  template <class Metric>
  using ByName = std::unordered_map<std::string, Metric*, NameHash, std::equal_to<>>;

  metrics::Registry& registry_;
  const HistogramBounds bounds_;
  ByName<metrics::Histogram> http_latency_;
  ByName<metrics::Counter> app_requests_;
  metrics::Counter* route_service_responses_[6];  // the same groups
  metrics::Counter* responses_[6];                // xxx, 1xx is xxx too, 2xx ... 5xx
  std::map<std::string, std::unique_ptr<OfComponent>, std::less<>> components_;
};

}  // namespace causeway::router
