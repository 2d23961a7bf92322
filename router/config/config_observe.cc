// What an operator sees of a router: its log, its access log, error pages and metrics.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/headers.h"
#include "net/address.h"
#include "router/config/reading.h"
#include "router/settings/error_template.h"

namespace causeway::router {

namespace {

using config::Section;

constexpr std::array<std::string_view, 8> kAccessLogFields{
    "backend_time",         "dial_time",     "dns_time", "failed_attempts",
    "failed_attempts_time", "local_address", "tls_sni",  "tls_time"};
constexpr size_t kBucketsMax = 100;

void read_component_log(Reading& reading) {
  RouterConfig& config = reading.loaded.config;
  Section logging = reading.root.section("logging");
  std::string level = "debug";
  logging.read_choice("level", level, {"debug", "info", "warn", "error", "fatal"});
  log::parse_level(level, config.log_level);
  std::string timestamp = "unix-epoch";
  logging.section("format").read_choice("timestamp", timestamp,
                                        {"unix-epoch", "deprecated", "rfc3339"});
  if (timestamp == "rfc3339") config.log_time_format = log::TimeFormat::rfc3339;
  logging.read("syslog", config.log_source);
  if (config.log_source.empty()) config.log_source = "gorouter.stdout";
}

void add_once(std::vector<std::string>& names, std::string_view name) {
  const auto same = [name](const std::string& known) {
    return http::equals_ignoring_case(known, name);
  };
  if (std::none_of(names.begin(), names.end(), same)) names.emplace_back(name);
}

void read_access_fields(Reading& reading) {
  Section root = reading.root;
  std::vector<std::string>& known = reading.loaded.config.settings.extra_access_log_fields;
  std::vector<std::string> fields;
  root.read("extra_access_log_fields", fields);
  std::string unknown;
  for (std::string& field : fields) {
    if (std::ranges::find(kAccessLogFields, field) != kAccessLogFields.end()) {
      known.push_back(std::move(field));
    } else {
      unknown += (unknown.empty() ? "" : ", ") + field;
    }
  }
  if (!unknown.empty()) {
    reading.warn("extra_access_log_fields", "left out, no such field here: " + unknown);
  }
  // The older switch: all of these, in this order.
  bool details = false;
  root.section("logging").read("enable_attempts_details", details);
  if (!details) return;
  for (const char* name : {"failed_attempts", "failed_attempts_time", "dns_time", "dial_time",
                           "tls_time", "backend_time"})
    add_once(known, name);
}

void read_access_line(Reading& reading) {
  Section logging = reading.root.section("logging");
  Settings& settings = reading.loaded.config.settings;
  logging.read("disable_log_forwarded_for", settings.disable_log_forwarded_for);
  logging.read("disable_log_source_ip", settings.disable_log_source_ip);
  std::string redact = "none";
  logging.read_choice("redact_query_params", redact, {"none", "all", "hash"});
  if (redact == "all") settings.redact_query_params = RedactQuery::all;
  if (redact == "hash") settings.redact_query_params = RedactQuery::hash;
  reading.root.read("extra_headers_to_log", settings.extra_headers_to_log);
  read_access_fields(reading);
}

// logging.syslog_addr of host and port; only asked for when something is sent there.
void read_syslog(Reading& reading) {
  Section logging = reading.root.section("logging");
  Section access_log = reading.root.section("access_log");
  AccessLogConfig& config = reading.loaded.config.access_log;
  std::string network = "udp";
  logging.read_choice("syslog_network", network, {"udp", "udp4", "udp6", "tcp", "tcp4", "tcp6"});
  config.syslog_over_tcp = network.starts_with("tcp");
  if (network.ends_with('4')) config.syslog_family = 4;
  if (network.ends_with('6')) config.syslog_family = 6;
  std::string address = "127.0.0.1:514";
  logging.read("syslog_addr", address);
  logging.read("syslog_truncate", config.syslog_truncate, {.min = 0, .max = 1'000'000'000});
  std::string format = "gorouter";
  access_log.read_choice("syslog_format", format, {"gorouter", "rfc5424"});
  config.syslog_is_rfc5424 = format == "rfc5424";
  access_log.read("enable_streaming", config.streams_to_syslog);
  if (!config.streams_to_syslog) return;
  auto parts = net::parse_host_port(address);
  if (!parts) return logging.problem("syslog_addr", "not host:port: \"" + address + "\"");
  config.syslog_host = std::move(parts->host);
  config.syslog_port = parts->port;
}

void read_access_log(Reading& reading) {
  Section access_log = reading.root.section("access_log");
  AccessLogConfig& config = reading.loaded.config.access_log;
  access_log.read("file", config.file);
  access_log.read("queue_bytes", config.queue_bytes, {.min = 1 << 20, .max = 1'000'000'000});
  std::string when_full = "drop";
  access_log.read_choice("when_full", when_full, {"drop", "block"});
  config.blocks_when_full = when_full == "block";
  read_syslog(reading);
  read_access_line(reading);
}

void read_error_page(Reading& reading) {
  std::string path;
  reading.root.read("html_error_template_file", path);
  if (path.empty()) return;
  auto page = ErrorTemplate::read(path);
  if (!page) return reading.root.problem("html_error_template_file", page.error().detail);
  reading.loaded.config.settings.error_template = std::move(page).value();
}

void read_buckets(Section meters, const char* key, std::vector<double>& bounds) {
  std::vector<double> numbers = bounds;
  meters.read(key, numbers);
  if (numbers.empty() || numbers.size() > kBucketsMax) {
    return meters.problem(key, "not a list of 1 to 100 numbers");
  }
  const bool ascends = std::ranges::adjacent_find(numbers, std::greater_equal<>()) == numbers.end();
  const bool is_finite = std::ranges::all_of(numbers, [](double n) { return std::isfinite(n); });
  if (!ascends || !is_finite) return meters.problem(key, "not in ascending order");
  bounds = std::move(numbers);
}

void read_metrics(Reading& reading) {
  Section root = reading.root;
  Settings& settings = reading.loaded.config.settings;
  root.read("per_request_metrics_reporting", settings.per_request_metrics_reporting);
  root.read("per_app_prometheus_http_metrics_reporting",
            settings.per_app_prometheus_http_metrics_reporting);
  HistogramBounds& bounds = settings.histogram_bounds;
  Section meters = root.section("prometheus").section("meters");
  read_buckets(meters, "route_lookup_time_histogram_buckets", bounds.route_lookup_ns);
  read_buckets(meters, "route_registration_latency_histogram_buckets",
               bounds.route_registration_ms);
  read_buckets(meters, "routing_response_latency_histogram_buckets", bounds.latency_ms);
  read_buckets(meters, "http_latency_histogram_buckets", bounds.http_latency_seconds);
  read_buckets(meters, "gorouter_time_histogram_buckets", bounds.gorouter_seconds);
  Reading::check_duration(root, "route_latency_metric_muzzle_duration");  // of dropsonde's only
  root.section("status").read("enable_deprecated_varz_healthz_endpoints",
                              reading.loaded.config.serves_varz);
  settings.counts_requests_of_apps = reading.loaded.config.serves_varz;
  if (reading.loaded.config.serves_varz) {
    reading.warn("status.enable_deprecated_varz_healthz_endpoints",
                 "/varz and /healthz are served, but not announced over NATS "
                 "(vcap.component.announce, vcap.component.discover)");
  }
}

// Dropsonde (envelope v1) is not spoken: doc/adr/0020.
void read_dropsonde(Reading& reading) {
  Section root = reading.root;
  Section logging = root.section("logging");
  bool envelopes = true;  // gorouter's default; only an explicit wish is worth a warning
  root.read("enable_envelope_v1_metrics", envelopes);
  std::string metron = "localhost:3457";
  logging.read("metron_address", metron);
  if (envelopes && metron.empty()) {
    logging.problem("metron_address", "is required by enable_envelope_v1_metrics");
  }
  for (const char* key : {"enable_envelope_v1_metrics", "send_http_start_stop_server_event",
                          "send_http_start_stop_client_event"}) {
    if (root.has(key))
      reading.not_built(root, key, "nothing is sent to metron_address: scrape prometheus.port");
  }
  reading.not_built(
      logging, "loggregator_enabled",
      "access log lines are not sent to Loggregator: use access_log.enable_streaming");
}

}  // namespace

void read_observation(Reading& reading) {
  read_component_log(reading);
  read_access_log(reading);
  read_error_page(reading);
  read_metrics(reading);
  read_dropsonde(reading);
}

}  // namespace causeway::router
