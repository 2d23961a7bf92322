// Every key of the configuration: its default, a value that is taken, one that is refused and how.

#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "config/config.h"
#include "router/config/router_config.h"
#include "router/config/test_pair.h"

namespace causeway::router {
namespace {

using Config = RouterConfig;

std::string show(bool value) { return value ? "true" : "false"; }
std::string show(Duration value) { return config::format_duration(value); }
std::string show(std::string value) { return value; }
template <class Integer>
requires std::is_integral_v<Integer> std::string show(Integer value) {
  return std::to_string(value);
}
std::string show(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : " ") + value;
  return text;
}

struct Key {
  const char* name;                                 // with dots
  std::function<std::string(const Config&)> value;  // null: checked, then dropped
  const char* preset;                               // the default, as gorouter's binary has it
  const char* taken;                                // YAML
  const char* becomes;                              // the value then
  const char* refused;                              // YAML, "" when any text will do
  const char* reason;
};

// The short way to say which member a key sets.
#define SETS(member) [](const Config& c) { return show(c.member); }
constexpr std::nullptr_t kDropped = nullptr;

const std::vector<Key>& keys() {
  static const std::vector<Key> all{
      // Listeners.
      {"port", SETS(port), "8081", "port: 9000", "9000", "port: 0",
       "port: not a number from 1 to 65535: \"0\""},
      {"status.host", SETS(status_host), "0.0.0.0", "status: {host: '::1'}", "::1",
       "status: {host: localhost}", "status.host: not an IP address: \"localhost\""},
      {"status.port", SETS(status_port), "8080", "status: {port: 81}", "81", "status: {port: x}",
       "status.port: not a number from 1 to 65535: \"x\""},
      {"status.user", SETS(status_user), "", "status: {user: u}", "u", "status: {user: [u]}",
       "status.user: not a string: a list"},
      {"status.pass", SETS(status_pass), "", "status: {pass: p}", "p", "status: {pass: {}}",
       "status.pass: not a string: a mapping"},
      {"status.routes.port", SETS(routes_port), "8082", "status: {routes: {port: 1}}", "1",
       "status: {routes: {port: 70000}}", "status.routes.port: not a number from 1 to 65535"},
      {"status.routes", kDropped, "", "status: {routes: {}}", "", "status: {routes: 8082}",
       "status.routes: not a mapping"},
      {"prometheus.port", SETS(prometheus_port), "0", "prometheus: {port: 7070}", "7070",
       "prometheus: {port: -1}", "prometheus.port: not a number from 0 to 65535"},
      {"prometheus.enabled", SETS(prometheus_port), "0", "prometheus: {enabled: false, port: 7070}",
       "0", "prometheus: {enabled: true}", "prometheus.port: is required"},
      // This router.
      {"index", SETS(index), "0", "index: 7", "7", "index: -1", "index: not a number from 0"},
      {"zone", SETS(settings.zone), "", "zone: z1", "z1", "zone: [z1]", "zone: not a string"},
      {"go_max_procs", SETS(workers), "0", "go_max_procs: 3", "3", "go_max_procs: -2",
       "go_max_procs: not a number from -1 to 1024"},
      {"workers", SETS(workers), "0", "workers: 2", "2", "workers: 1025",
       "workers: not a number from 0 to 1024"},
      {"background_niceness", SETS(background_niceness), "5", "background_niceness: 0", "0",
       "background_niceness: 20", "background_niceness: not a number from 0 to 19"},
      {"pid_file", kDropped, "", "pid_file: /run/router.pid", "", "pid_file: []",
       "pid_file: not a string"},
      // NATS.
      {"nats.hosts",
       [](const Config& c) {
         std::string text;
         for (const auto& server : c.nats.servers) {
           text += (text.empty() ? "" : " ") + server.host + ":" + std::to_string(server.port);
         }
         return text;
       },
       "localhost:4222", "nats: {hosts: [{hostname: a, port: 1}, {hostname: b}]}", "a:1 b:4222",
       "nats: {hosts: [{port: 1}]}", "nats.hosts[0].hostname: is required"},
      {"nats.user", SETS(nats.servers[0].user), "", "nats: {user: u}", "u", "nats: {user: []}",
       "nats.user: not a string"},
      {"nats.pass", SETS(nats.servers[0].password), "", "nats: {pass: p}", "p", "nats: {pass: []}",
       "nats.pass: not a string"},
      {"nats.tls_enabled", SETS(nats.tls.has_value()), "false", "nats: {tls_enabled: false}",
       "false", "nats: {tls_enabled: true}", "nats.ca_certs: is required by tls_enabled"},
      {"nats.ca_certs", kDropped, "", "nats: {ca_certs: ''}", "", "nats: {ca_certs: []}",
       "nats.ca_certs: not a string"},
      {"nats.cert_chain", kDropped, "", "nats: {cert_chain: ''}", "",
       "nats: {tls_enabled: true, ca_certs: x}", "nats.cert_chain: is required"},
      {"nats.private_key", kDropped, "", "nats: {private_key: ''}", "",
       "nats: {tls_enabled: true, ca_certs: x, cert_chain: y, private_key: z}",
       "nats.cert_chain: no usable key pair"},
      {"nats_client_ping_interval", SETS(nats.ping_interval), "20s",
       "nats_client_ping_interval: 1m30s", "1m30s", "nats_client_ping_interval: 500ms",
       "nats_client_ping_interval: shorter than 1s"},
      // Registry and balancing.
      {"start_response_delay_interval", SETS(start_response_delay), "5s",
       "start_response_delay_interval: 20s", "20s", "start_response_delay_interval: 5 seconds",
       "start_response_delay_interval: "},
      {"droplet_stale_threshold", SETS(routes.stale_threshold), "2m0s",
       "droplet_stale_threshold: 90s", "1m30s", "droplet_stale_threshold: -1s",
       "droplet_stale_threshold: "},
      {"prune_stale_droplets_interval", SETS(prune_interval), "30s",
       "prune_stale_droplets_interval: 1500ms", "1.5s", "prune_stale_droplets_interval: 0s",
       "prune_stale_droplets_interval: must be longer than 0"},
      {"suspend_pruning_if_nats_unavailable", SETS(suspend_pruning_if_nats_unavailable), "false",
       "suspend_pruning_if_nats_unavailable: true", "true",
       "suspend_pruning_if_nats_unavailable: maybe",
       "suspend_pruning_if_nats_unavailable: not true or false: \"maybe\""},
      {"routing_table_sharding_mode",
       [](const Config& c) { return std::to_string(static_cast<int>(c.routes.sharding)); }, "0",
       "routing_table_sharding_mode: shared-and-segments", "2", "routing_table_sharding_mode: none",
       "routing_table_sharding_mode: not one of all, segments, shared-and-segments: \"none\""},
      {"isolation_segments", SETS(routes.isolation_segments), "",
       "isolation_segments: [a, b]\nrouting_table_sharding_mode: segments", "a b",
       "routing_table_sharding_mode: segments",
       "isolation_segments: is required by routing_table_sharding_mode segments"},
      {"empty_pool_response_code_503", SETS(routes.keep_emptied_routes), "false",
       "empty_pool_response_code_503: true", "true", "empty_pool_response_code_503: 503",
       "empty_pool_response_code_503: not true or false"},
      {"empty_pool_timeout", SETS(routes.emptied_route_lifetime), "0s", "empty_pool_timeout: 30s",
       "30s", "empty_pool_timeout: x", "empty_pool_timeout: "},
      {"balancing_algorithm",
       [](const Config& c) { return std::string(name_of(c.routes.balancing)); }, "round-robin",
       "balancing_algorithm: least-connection", "least-connection", "balancing_algorithm: random",
       "balancing_algorithm: not one of round-robin, least-connection, hash: \"random\""},
      {"balancing_algorithm_az_preference", SETS(settings.prefer_zone), "false",
       "balancing_algorithm_az_preference: locally-optimistic", "true",
       "balancing_algorithm_az_preference: near",
       "balancing_algorithm_az_preference: not one of none, locally-optimistic: \"near\""},
      {"publish_active_apps_interval", kDropped, "", "publish_active_apps_interval: 0s", "",
       "publish_active_apps_interval: x", "publish_active_apps_interval: "},
      {"publish_start_message_interval", kDropped, "", "publish_start_message_interval: 30s", "",
       "publish_start_message_interval: x", "publish_start_message_interval: "},
      // Limits and times.
      {"max_request_header_bytes", SETS(settings.max_request_header_bytes), "1048576",
       "max_request_header_bytes: 4096", "4096", "max_request_header_bytes: -1",
       "max_request_header_bytes: not a number from 0"},
      {"max_header_bytes", SETS(settings.max_request_header_bytes), "1048576",
       "max_header_bytes: 2000000", "1048576", "max_header_bytes: x",
       "max_header_bytes: not a number"},
      {"max_request_headers", SETS(settings.max_request_headers), "0", "max_request_headers: 100",
       "100", "max_request_headers: 1.5", "max_request_headers: not a number"},
      {"max_response_header_bytes", SETS(settings.max_response_header_bytes), "0",
       "max_response_header_bytes: 5", "5", "max_response_header_bytes: x",
       "max_response_header_bytes: not a number"},
      {"max_response_headers", SETS(settings.max_response_headers), "0", "max_response_headers: 9",
       "9", "max_response_headers: x", "max_response_headers: not a number"},
      {"endpoint_timeout", SETS(settings.endpoint_timeout), "1m0s", "endpoint_timeout: 900s",
       "15m0s", "endpoint_timeout: -1s", "endpoint_timeout: "},
      {"http_1_endpoint_timeout", SETS(settings.endpoint_timeout), "1m0s",
       "http_1_endpoint_timeout: 3s", "3s", "http_1_endpoint_timeout: x",
       "http_1_endpoint_timeout: "},
      {"http_2_endpoint_timeout", SETS(settings.http2_endpoint_timeout), "1m0s",
       "http_2_endpoint_timeout: 3s", "3s", "http_2_endpoint_timeout: x",
       "http_2_endpoint_timeout: "},
      {"endpoint_dial_timeout", SETS(settings.endpoint_dial_timeout), "5s",
       "endpoint_dial_timeout: 250ms", "250ms", "endpoint_dial_timeout: x",
       "endpoint_dial_timeout: "},
      {"websocket_dial_timeout", kDropped, "", "websocket_dial_timeout: 1s", "",
       "websocket_dial_timeout: x", "websocket_dial_timeout: "},
      {"tls_handshake_timeout", kDropped, "", "tls_handshake_timeout: 10s", "",
       "tls_handshake_timeout: x", "tls_handshake_timeout: "},
      {"frontend_idle_timeout", SETS(settings.frontend_idle_timeout), "15m0s",
       "frontend_idle_timeout: 5s", "5s", "frontend_idle_timeout: x", "frontend_idle_timeout: "},
      {"read_header_timeout", SETS(settings.read_header_timeout), "1m0s", "read_header_timeout: 0s",
       "0s", "read_header_timeout: x", "read_header_timeout: "},
      {"websocket_drain_timeout", SETS(settings.websocket_drain_timeout), "20s",
       "websocket_drain_timeout: 1s", "1s", "websocket_drain_timeout: x",
       "websocket_drain_timeout: "},
      {"endpoint_keep_alive_probe_interval", SETS(settings.endpoint_keep_alive_probe_interval),
       "1s", "endpoint_keep_alive_probe_interval: 2s", "2s",
       "endpoint_keep_alive_probe_interval: x", "endpoint_keep_alive_probe_interval: "},
      {"drain_wait", SETS(drain_wait), "0s", "drain_wait: 20s", "20s", "drain_wait: soon",
       "drain_wait: "},
      {"drain_timeout", SETS(drain_timeout), "1m0s", "drain_timeout: 15m", "15m0s",
       "drain_timeout: x", "drain_timeout: "},
      {"load_balancer_healthy_threshold", kDropped, "", "load_balancer_healthy_threshold: 20s", "",
       "load_balancer_healthy_threshold: -1s", "load_balancer_healthy_threshold: "},
      {"healthcheck_poll_interval", kDropped, "", "healthcheck_poll_interval: 1s", "",
       "healthcheck_poll_interval: x", "healthcheck_poll_interval: "},
      {"healthcheck_timeout", kDropped, "", "healthcheck_timeout: 1s", "", "healthcheck_timeout: x",
       "healthcheck_timeout: "},
      // Backends.
      {"backends.max_attempts", SETS(settings.max_attempts), "1", "backends: {max_attempts: 3}",
       "3", "backends: {max_attempts: -1}", "backends.max_attempts: not a number from 0 to 1000"},
      {"backends.max_conns", SETS(settings.max_conns), "0", "backends: {max_conns: 500}", "500",
       "backends: {max_conns: many}", "backends.max_conns: not a number"},
      {"backends.http2_prior_knowledge", SETS(settings.http2_prior_knowledge), "false",
       "backends: {http2_prior_knowledge: true}", "true", "backends: {http2_prior_knowledge: 1}",
       "backends.http2_prior_knowledge: not true or false"},
      {"backends.http2_ping_interval", SETS(settings.http2_ping_interval), "30s",
       "backends: {http2_ping_interval: 5s}", "5s", "backends: {http2_ping_interval: x}",
       "backends.http2_ping_interval: not a duration"},
      {"backends.count_whole_exchanges", SETS(settings.counts_whole_exchanges), "false",
       "backends: {count_whole_exchanges: true}", "true", "backends: {count_whole_exchanges: 1}",
       "backends.count_whole_exchanges: not true or false"},
      {"backends.cert_chain", kDropped, "", "backends: {cert_chain: ''}", "",
       "backends: {private_key: x}", "backends.cert_chain: is required"},
      {"backends.private_key", kDropped, "", "backends: {private_key: ''}", "",
       "backends: {cert_chain: x}", "backends.private_key: is required"},
      {"disable_keep_alives", SETS(settings.disable_keep_alives), "true",
       "disable_keep_alives: false", "false", "disable_keep_alives: 7",
       "disable_keep_alives: not true or false"},
      {"max_idle_conns", SETS(settings.max_idle_conns), "100", "max_idle_conns: 1", "1",
       "max_idle_conns: x", "max_idle_conns: not a number"},
      {"max_idle_conns_per_host", SETS(settings.max_idle_conns_per_host), "2",
       "max_idle_conns_per_host: 100", "100", "max_idle_conns_per_host: x",
       "max_idle_conns_per_host: not a number"},
      {"backend_idle_timeout", SETS(settings.backend_idle_timeout), "1m30s",
       "backend_idle_timeout: 5s", "5s", "backend_idle_timeout: x", "backend_idle_timeout: "},
      {"enable_http1_concurrent_read_write", kDropped, "",
       "enable_http1_concurrent_read_write: true", "", "enable_http1_concurrent_read_write: x",
       "enable_http1_concurrent_read_write: not true or false"},
      {"keep_alive_100_continue_requests", kDropped, "", "keep_alive_100_continue_requests: true",
       "", "keep_alive_100_continue_requests: x",
       "keep_alive_100_continue_requests: not true or false"},
      // Sticky sessions, route services.
      {"sticky_session_cookie_names", SETS(settings.sticky_session_cookie_names), "JSESSIONID",
       "sticky_session_cookie_names: [A, B]", "A B", "sticky_session_cookie_names: A",
       "sticky_session_cookie_names: not a list of strings"},
      {"sticky_sessions_for_auth_negotiate", SETS(settings.sticky_sessions_for_auth_negotiate),
       "false", "sticky_sessions_for_auth_negotiate: true", "true",
       "sticky_sessions_for_auth_negotiate: x",
       "sticky_sessions_for_auth_negotiate: not true or false"},
      {"secure_cookies", SETS(settings.secure_cookies), "false", "secure_cookies: true", "true",
       "secure_cookies: x", "secure_cookies: not true or false"},
      {"route_services_secret", SETS(settings.route_services.key.has_value()), "false",
       "route_services_secret: s", "true", "route_services_secret: []",
       "route_services_secret: not a string"},
      {"route_services_secret_decrypt_only", SETS(settings.route_services.former_key.has_value()),
       "false", "route_services_secret_decrypt_only: s", "true",
       "route_services_secret_decrypt_only: []",
       "route_services_secret_decrypt_only: not a string"},
      {"route_services_timeout", SETS(settings.route_services.timeout), "1m0s",
       "route_services_timeout: 5s", "5s", "route_services_timeout: x", "route_services_timeout: "},
      {"route_services_recommend_https", SETS(settings.route_services.recommend_https), "false",
       "route_services_recommend_https: true", "true", "route_services_recommend_https: x",
       "route_services_recommend_https: not true or false"},
      {"route_services_hairpinning", SETS(settings.route_services.hairpinning), "false",
       "route_services_hairpinning: true", "true", "route_services_hairpinning: x",
       "route_services_hairpinning: not true or false"},
      {"route_services_hairpinning_allowlist", SETS(settings.route_services.hairpinning_allowlist),
       "", "route_services_hairpinning_allowlist: [a.d, '*.b.d']", "a.d *.b.d",
       "route_services_hairpinning_allowlist: ['*.*.d']",
       "route_services_hairpinning_allowlist: not a host or *.domain: \"*.*.d\""},
      {"route_services_internal_server_port", kDropped, "",
       "route_services_internal_server_port: 7070", "", "route_services_internal_server_port: x",
       "route_services_internal_server_port: not a number"},
      {"route_services.max_attempts", SETS(settings.route_services.max_attempts), "1",
       "route_services: {max_attempts: 3}", "3", "route_services: {max_attempts: x}",
       "route_services.max_attempts: not a number"},
      {"route_services.strict_signature_validation",
       SETS(settings.route_services.strict_signature_validation), "false",
       "route_services: {strict_signature_validation: true}", "true",
       "route_services: {strict_signature_validation: x}",
       "route_services.strict_signature_validation: not true or false"},
      {"route_services.enable_websockets", SETS(settings.route_services.enable_websockets), "false",
       "route_services: {enable_websockets: true}", "true",
       "route_services: {enable_websockets: x}",
       "route_services.enable_websockets: not true or false"},
      {"route_services.cert_chain", kDropped, "", "route_services: {cert_chain: ''}", "",
       "route_services: {cert_chain: []}", "route_services.cert_chain: not a string"},
      {"route_services.private_key", kDropped, "", "route_services: {private_key: ''}", "",
       "route_services: {private_key: []}", "route_services.private_key: not a string"},
      // Headers.
      {"force_forwarded_proto_https", SETS(settings.force_forwarded_proto_https), "false",
       "force_forwarded_proto_https: true", "true", "force_forwarded_proto_https: x",
       "force_forwarded_proto_https: not true or false"},
      {"sanitize_forwarded_proto", SETS(settings.sanitize_forwarded_proto), "false",
       "sanitize_forwarded_proto: true", "true", "sanitize_forwarded_proto: x",
       "sanitize_forwarded_proto: not true or false"},
      {"forwarded_client_cert",
       [](const Config& c) {
         return std::to_string(static_cast<int>(c.settings.forwarded_client_cert));
       },
       "0", "forwarded_client_cert: sanitize_set", "2", "forwarded_client_cert: x",
       "forwarded_client_cert: not one of always_forward, forward, sanitize_set: \"x\""},
      {"hop_by_hop_headers_to_filter", SETS(settings.hop_by_hop_headers_to_filter), "",
       "hop_by_hop_headers_to_filter: [X-A]", "X-A", "hop_by_hop_headers_to_filter: X-A",
       "hop_by_hop_headers_to_filter: not a list"},
      {"healthcheck_user_agent", SETS(settings.healthcheck_user_agent), "HTTP-Monitor/1.1",
       "healthcheck_user_agent: Probe", "Probe", "healthcheck_user_agent: []",
       "healthcheck_user_agent: not a string"},
      {"trace_key", SETS(settings.trace_key), "", "trace_key: \"22\"", "22", "trace_key: []",
       "trace_key: not a string"},
      {"http_rewrite.responses.remove_headers",
       [](const Config& c) { return std::to_string(c.settings.remove_response_headers.size()); },
       "0", "http_rewrite: {responses: {remove_headers: [{name: A}]}}", "1",
       "http_rewrite: {responses: {remove_headers: [{value: x}]}}",
       "http_rewrite.responses.remove_headers[0].name: is required"},
      {"http_rewrite.responses.add_headers_if_not_present",
       [](const Config& c) {
         return std::to_string(c.settings.add_response_headers_if_not_present.size());
       },
       "0", "http_rewrite: {responses: {add_headers_if_not_present: [{name: A, value: b}]}}", "1",
       "http_rewrite: {responses: {add_headers_if_not_present: [A]}}",
       "http_rewrite.responses.add_headers_if_not_present[0]: not a mapping"},
      {"html_error_template_file", kDropped, "", "html_error_template_file: ''", "",
       "html_error_template_file: /nowhere/page.html", "html_error_template_file: "},
      {"tracing.enable_zipkin", SETS(settings.enable_zipkin), "false",
       "tracing: {enable_zipkin: true}", "true", "tracing: {enable_zipkin: x}",
       "tracing.enable_zipkin: not true or false"},
      {"tracing.enable_w3c", SETS(settings.enable_w3c), "false", "tracing: {enable_w3c: true}",
       "true", "tracing: {enable_w3c: x}", "tracing.enable_w3c: not true or false"},
      {"tracing.w3c_tenant_id", SETS(settings.w3c_tenant_id), "", "tracing: {w3c_tenant_id: t}",
       "t", "tracing: {w3c_tenant_id: []}", "tracing.w3c_tenant_id: not a string"},
      // Logs and metrics.
      {"logging.level",
       [](const Config& c) { return std::to_string(static_cast<int>(c.log_level)); }, "0",
       "logging: {level: warn}", "2", "logging: {level: loud}",
       "logging.level: not one of debug, info, warn, error, fatal: \"loud\""},
      {"logging.format.timestamp",
       [](const Config& c) { return show(c.log_time_format == log::TimeFormat::rfc3339); }, "false",
       "logging: {format: {timestamp: rfc3339}}", "true", "logging: {format: {timestamp: swatch}}",
       "logging.format.timestamp: not one of unix-epoch, deprecated, rfc3339: \"swatch\""},
      {"logging.syslog", SETS(log_source), "gorouter.stdout", "logging: {syslog: vcap.gorouter}",
       "vcap.gorouter", "logging: {syslog: []}", "logging.syslog: not a string"},
      {"logging.redact_query_params",
       [](const Config& c) {
         return std::to_string(static_cast<int>(c.settings.redact_query_params));
       },
       "0", "logging: {redact_query_params: hash}", "2", "logging: {redact_query_params: some}",
       "logging.redact_query_params: not one of none, all, hash: \"some\""},
      {"logging.disable_log_forwarded_for", SETS(settings.disable_log_forwarded_for), "false",
       "logging: {disable_log_forwarded_for: true}", "true",
       "logging: {disable_log_forwarded_for: x}",
       "logging.disable_log_forwarded_for: not true or false"},
      {"logging.disable_log_source_ip", SETS(settings.disable_log_source_ip), "false",
       "logging: {disable_log_source_ip: true}", "true", "logging: {disable_log_source_ip: x}",
       "logging.disable_log_source_ip: not true or false"},
      {"logging.enable_attempts_details", kDropped, "", "logging: {enable_attempts_details: true}",
       "", "logging: {enable_attempts_details: x}",
       "logging.enable_attempts_details: not true or false"},
      {"logging.loggregator_enabled", kDropped, "", "logging: {loggregator_enabled: false}", "",
       "logging: {loggregator_enabled: x}", "logging.loggregator_enabled: not true or false"},
      {"logging.metron_address", kDropped, "", "logging: {metron_address: 'localhost:3457'}", "",
       "logging: {metron_address: ''}",
       "logging.metron_address: is required by enable_envelope_v1_metrics"},
      {"logging.syslog_addr", kDropped, "", "logging: {syslog_addr: '127.0.0.1:514'}", "",
       "access_log: {enable_streaming: true}\nlogging: {syslog_addr: x}",
       "logging.syslog_addr: not host:port: \"x\""},
      {"logging.syslog_network", kDropped, "", "logging: {syslog_network: tcp}", "",
       "logging: {syslog_network: carrier}", "logging.syslog_network: not one of"},
      {"logging.syslog_truncate", SETS(access_log.syslog_truncate), "0",
       "logging: {syslog_truncate: 1024}", "1024", "logging: {syslog_truncate: -1}",
       "logging.syslog_truncate: not a number"},
      {"access_log.file", SETS(access_log.file), "", "access_log: {file: /tmp/a}", "/tmp/a",
       "access_log: {file: []}", "access_log.file: not a string"},
      {"access_log.enable_streaming", SETS(access_log.streams_to_syslog), "false",
       "access_log: {enable_streaming: true}", "true", "access_log: {enable_streaming: x}",
       "access_log.enable_streaming: not true or false"},
      {"access_log.syslog_format", SETS(access_log.syslog_is_rfc5424), "false",
       "access_log: {syslog_format: rfc5424}", "true", "access_log: {syslog_format: x}",
       "access_log.syslog_format: not one of gorouter, rfc5424: \"x\""},
      {"access_log.queue_bytes", SETS(access_log.queue_bytes), "8388608",
       "access_log: {queue_bytes: 1048576}", "1048576", "access_log: {queue_bytes: 1}",
       "access_log.queue_bytes: not a number from 1048576"},
      {"access_log.when_full", SETS(access_log.blocks_when_full), "false",
       "access_log: {when_full: block}", "true", "access_log: {when_full: x}",
       "access_log.when_full: not one of drop, block: \"x\""},
      {"extra_headers_to_log", SETS(settings.extra_headers_to_log), "", "extra_headers_to_log: [A]",
       "A", "extra_headers_to_log: A", "extra_headers_to_log: not a list"},
      {"extra_access_log_fields", SETS(settings.extra_access_log_fields), "",
       "extra_access_log_fields: [tls_time, dial_time]", "tls_time dial_time",
       "extra_access_log_fields: dial_time", "extra_access_log_fields: not a list"},
      {"per_request_metrics_reporting", SETS(settings.per_request_metrics_reporting), "true",
       "per_request_metrics_reporting: false", "false", "per_request_metrics_reporting: x",
       "per_request_metrics_reporting: not true or false"},
      {"per_app_prometheus_http_metrics_reporting",
       SETS(settings.per_app_prometheus_http_metrics_reporting), "false",
       "per_app_prometheus_http_metrics_reporting: true", "true",
       "per_app_prometheus_http_metrics_reporting: x",
       "per_app_prometheus_http_metrics_reporting: not true or false"},
      {"status.enable_deprecated_varz_healthz_endpoints", SETS(serves_varz), "false",
       "status: {enable_deprecated_varz_healthz_endpoints: true}", "true",
       "status: {enable_deprecated_varz_healthz_endpoints: x}",
       "status.enable_deprecated_varz_healthz_endpoints: not true or false"},
      {"enable_envelope_v1_metrics", kDropped, "", "enable_envelope_v1_metrics: false", "",
       "enable_envelope_v1_metrics: x", "enable_envelope_v1_metrics: not true or false"},
      {"send_http_start_stop_server_event", kDropped, "",
       "send_http_start_stop_server_event: false", "", "send_http_start_stop_server_event: x",
       "send_http_start_stop_server_event: not true or false"},
      {"send_http_start_stop_client_event", kDropped, "",
       "send_http_start_stop_client_event: false", "", "send_http_start_stop_client_event: x",
       "send_http_start_stop_client_event: not true or false"},
      {"route_latency_metric_muzzle_duration", kDropped, "",
       "route_latency_metric_muzzle_duration: 30s", "", "route_latency_metric_muzzle_duration: x",
       "route_latency_metric_muzzle_duration: "},
      {"debug_addr", kDropped, "", "debug_addr: ''", "", "debug_addr: []",
       "debug_addr: not a string"},
      // TLS; more of it in router_config_test.cc.
      {"enable_ssl", SETS(tls.is_enabled), "false", "enable_ssl: false", "false",
       "enable_ssl: maybe", "enable_ssl: not true or false"},
      {"ssl_port", SETS(tls.port), "443", "ssl_port: 444", "444", "ssl_port: 0",
       "ssl_port: not a number from 1"},
      {"disable_http", kDropped, "", "disable_http: false", "", "disable_http: true",
       "disable_http: "},
      {"tls_pem", kDropped, "", "tls_pem: []", "", "enable_ssl: true",
       "tls_pem: is required by enable_ssl"},
      {"cipher_suites", kDropped, "", "cipher_suites: ''", "", "enable_ssl: true",
       "cipher_suites: is required by enable_ssl"},
      {"min_tls_version", kDropped, "", "min_tls_version: ''", "",
       "enable_ssl: true\nmin_tls_version: SSLv3", "min_tls_version: not one of"},
      {"max_tls_version", kDropped, "", "max_tls_version: ''", "",
       "enable_ssl: true\nmax_tls_version: TLSv1.1", "max_tls_version: not one of"},
      {"client_cert_validation", kDropped, "", "client_cert_validation: none", "",
       "enable_ssl: true", "client_cert_validation: is required by enable_ssl"},
      {"client_ca_certs", kDropped, "", "client_ca_certs: ''", "", "client_ca_certs: []",
       "client_ca_certs: not a string"},
      {"client_ca_certs_file", SETS(tls.client_ca.file), "", "client_ca_certs_file: /a", "/a",
       "client_ca_certs_file: /a\nclient_ca_certs: x",
       "client_ca_certs_file: cannot stand beside client_ca_certs"},
      {"frontend_tls.handshake_timeout", SETS(settings.frontend_handshake_timeout), "10s",
       "frontend_tls: {handshake_timeout: 3s}", "3s", "frontend_tls: {handshake_timeout: x}",
       "frontend_tls.handshake_timeout: "},
      {"frontend_tls.handshakes_per_second", SETS(settings.frontend_handshakes_per_second), "0",
       "frontend_tls: {handshakes_per_second: 500}", "500",
       "frontend_tls: {handshakes_per_second: -1}", "frontend_tls.handshakes_per_second: not a"},
      {"frontend_tls.reload_interval", SETS(tls.reload_interval), "10s",
       "frontend_tls: {reload_interval: 1m0s}", "1m0s", "frontend_tls: {reload_interval: x}",
       "frontend_tls.reload_interval: "},
      {"frontend_tls.expiry_warning", SETS(tls.expiry_warning), "720h0m0s",
       "frontend_tls: {expiry_warning: 24h}", "24h0m0s", "frontend_tls: {expiry_warning: x}",
       "frontend_tls.expiry_warning: "},
      {"frontend_tls.session_ticket_key_file", SETS(tls.ticket_key_file), "",
       "frontend_tls: {session_ticket_key_file: /k}", "/k",
       "frontend_tls: {session_ticket_key_file: []}",
       "frontend_tls.session_ticket_key_file: not a string"},
      {"domains", kDropped, "", "domains: []", "", "domains: [{name: a.b}]",
       "domains[0].ca_certs: is required"},
      {"only_trust_client_ca_certs", SETS(tls.trusts_system), "true",
       "only_trust_client_ca_certs: true", "false", "only_trust_client_ca_certs: x",
       "only_trust_client_ca_certs: not true or false"},
      {"enable_verify_client_certificate_metadata", kDropped, "",
       "enable_verify_client_certificate_metadata: false", "",
       "enable_verify_client_certificate_metadata: x",
       "enable_verify_client_certificate_metadata: not true or false"},
      {"ca_certs", kDropped, "", "ca_certs: []", "", "ca_certs: x", "ca_certs: not a list"},
      {"skip_ssl_validation", kDropped, "", "skip_ssl_validation: true", "",
       "skip_ssl_validation: x", "skip_ssl_validation: not true or false"},
      {"enable_http2", SETS(settings.enable_http2), "true", "enable_http2: false", "false",
       "enable_http2: x", "enable_http2: not true or false"},
      {"enable_h2c", SETS(settings.http2.on_plain_port), "false", "enable_h2c: true", "true",
       "enable_h2c: x", "enable_h2c: not true or false"},
      {"http2.max_concurrent_streams", SETS(settings.http2.max_concurrent_streams), "250",
       "http2: {max_concurrent_streams: 100}", "100", "http2: {max_concurrent_streams: 0}",
       "http2.max_concurrent_streams: not a number from 1 to 10000: \"0\""},
      {"http2.stream_window_bytes", SETS(settings.http2.stream_window_bytes), "262144",
       "http2: {stream_window_bytes: 65535}", "65535", "http2: {stream_window_bytes: 1}",
       "http2.stream_window_bytes: not a number from 65535 to 2147483647: \"1\""},
      {"http2.connection_window_bytes", SETS(settings.http2.connection_window_bytes), "1048576",
       "http2: {connection_window_bytes: 65535}", "65535", "http2: {connection_window_bytes: 1}",
       "http2.connection_window_bytes: not a number from 65535 to 2147483647: \"1\""},
      {"http2.connection_age_max", SETS(settings.http2.connection_age_max), "0s",
       "http2: {connection_age_max: 1h}", "1h0m0s", "http2: {connection_age_max: x}",
       "http2.connection_age_max: not a duration"},
      {"http2.stall_timeout", SETS(settings.http2.stall_timeout), "30s",
       "http2: {stall_timeout: 2m}", "2m0s", "http2: {stall_timeout: 0s}",
       "http2.stall_timeout: must be 1s or longer"},
      {"enable_proxy", SETS(settings.proxy_protocol.is_accepted), "false", "enable_proxy: true",
       "true", "enable_proxy: x", "enable_proxy: not true or false"},
      {"upgrade.socket", SETS(upgrade_socket), "", "upgrade: {socket: /run/router.sock}",
       "/run/router.sock", "upgrade: {socket: router.sock}",
       "upgrade.socket: not an absolute path: \"router.sock\""},
      {"upgrade.timeout", SETS(upgrade_timeout), "1m0s", "upgrade: {timeout: 30s}", "30s",
       "upgrade: {timeout: 0s}", "upgrade.timeout: must be 1s or longer"},
      {"proxy_protocol.trusted",
       [](const Config& c) {
         std::string text;
         for (const auto& range : c.settings.proxy_protocol.trusted)
           text += range.to_string() + " ";
         return text;
       },
       "", "proxy_protocol: {trusted: [10.0.0.0/8, '::1']}", "10.0.0.0/8 ::1/128 ",
       "proxy_protocol: {trusted: [10.0.0.1/8]}",
       "proxy_protocol.trusted: \"10.0.0.1/8\" has bits set beyond its prefix"},
      {"proxy_protocol.header_timeout", SETS(settings.proxy_protocol.header_timeout), "1s",
       "proxy_protocol: {header_timeout: 100ms}", "100ms", "proxy_protocol: {header_timeout: 0s}",
       "proxy_protocol.header_timeout: must be longer than 0"},
      {"status.enable_nontls_health_checks", kDropped, "",
       "status: {enable_nontls_health_checks: true}", "",
       "status: {enable_nontls_health_checks: false}", "status.enable_nontls_health_checks: "},
      {"status.tls.port", kDropped, "", "status: {tls: {port: 8443}}", "",
       "status: {tls: {port: 0}}", "status.tls.port: not a number from 1"},
      // The routing API.
      {"routing_api.uri", kDropped, "", "routing_api: {uri: ''}", "", "routing_api: {uri: []}",
       "routing_api.uri: not a string"},
      {"routing_api.port", kDropped, "", "routing_api: {port: 3001}", "", "routing_api: {port: x}",
       "routing_api.port: not a number"},
      {"routing_api.auth_disabled", kDropped, "", "routing_api: {auth_disabled: true}", "",
       "routing_api: {auth_disabled: x}", "routing_api.auth_disabled: not true or false"},
      {"oauth.port", kDropped, "", "oauth: {port: 8443}", "", "oauth: {port: x}",
       "oauth.port: not a number"},
      {"oauth.skip_ssl_validation", kDropped, "", "oauth: {skip_ssl_validation: true}", "",
       "oauth: {skip_ssl_validation: x}", "oauth.skip_ssl_validation: not true or false"},
      {"token_fetcher_max_retries", kDropped, "", "token_fetcher_max_retries: 3", "",
       "token_fetcher_max_retries: -1", "token_fetcher_max_retries: not a number"},
      {"token_fetcher_expiration_buffer_time", kDropped, "",
       "token_fetcher_expiration_buffer_time: 30", "", "token_fetcher_expiration_buffer_time: 30s",
       "token_fetcher_expiration_buffer_time: not a number"},
      {"token_fetcher_retry_interval", kDropped, "", "token_fetcher_retry_interval: 5s", "",
       "token_fetcher_retry_interval: x", "token_fetcher_retry_interval: "},
  };
  return all;
}

#undef SETS

TEST(ConfigKeysTest, has_gorouters_default_where_nothing_is_said) {
  const auto loaded = parse_config("", "router.yml");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  for (const Key& key : keys()) {
    if (!key.value) continue;
    EXPECT_EQ(key.value(loaded->config), key.preset) << key.name;
  }
}

TEST(ConfigKeysTest, takes_what_is_said) {
  for (const Key& key : keys()) {
    const auto loaded = parse_config(key.taken, "router.yml");
    ASSERT_TRUE(loaded) << key.name << ": " << loaded.error().detail;
    EXPECT_TRUE(loaded->unknown_keys.empty()) << key.name;
    if (!key.value) continue;
    EXPECT_EQ(key.value(loaded->config), key.becomes) << key.name;
  }
}

TEST(ConfigKeysTest, refuses_what_cannot_be_and_says_why) {
  for (const Key& key : keys()) {
    const auto loaded = parse_config(key.refused, "router.yml");
    ASSERT_FALSE(loaded) << key.name << ": " << key.refused;
    EXPECT_NE(loaded.error().detail.find(key.reason), std::string::npos)
        << key.name << ": " << loaded.error().detail;
  }
}

// All keys below a section that was not read yet, as paths.
void collect(config::Section section, std::set<std::string>& paths) {
  for (const std::string& path : section.unknown_keys()) {
    const std::string name =
        path.substr(path.rfind('.') == std::string::npos ? 0 : path.rfind('.') + 1);
    config::Section below = section.section(name);
    if (below.exists()) {
      collect(below, paths);
    } else {
      paths.insert(path);
    }
  }
}

std::string source_path(const std::string& path) {
  return std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/" + path;
}

TEST(ConfigKeysTest, the_documented_example_has_every_key) {
  auto file = config::File::read(source_path("conf/router.yml"));
  ASSERT_TRUE(file) << file.error().detail;
  std::set<std::string> documented;
  collect((*file)->root(), documented);
  for (const Key& key : keys()) {
    const bool is_section = std::string_view(key.name) == "status.routes";
    EXPECT_TRUE(is_section || documented.contains(key.name)) << key.name;
  }
}

// A file with a certificate and its key in the places of their names.
std::string rendered(const std::string& path) {
  const PemPair pair = make_pem_pair();
  std::ifstream file(source_path(path));
  std::string text;
  for (std::string line; std::getline(file, line);) {
    const bool is_key = line == "@KEY@";
    if (!is_key && line != "@CERTIFICATE@") {
      text += line + "\n";
      continue;
    }
    std::istringstream pem(is_key ? pair.key : pair.certificate);
    for (std::string part; std::getline(pem, part);) text += "      " + part + "\n";
  }
  return text;
}

// What BOSH renders for a router of a real size: every key that the template of gorouter's job
// knows, and the leftovers that operators' files carry.
TEST(ConfigKeysTest, a_file_as_bosh_renders_it_is_taken) {
  const auto loaded = parse_config(rendered("router/config/bosh_gorouter.yml"), "gorouter.yml");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  const RouterConfig& config = loaded->config;
  EXPECT_EQ(config.port, 80);
  EXPECT_EQ(config.index, 2u);
  EXPECT_EQ(config.nats.servers.size(), 3u);
  EXPECT_TRUE(config.nats.tls.has_value());
  EXPECT_EQ(config.start_response_delay, std::chrono::seconds(20));
  EXPECT_EQ(config.drain_timeout, std::chrono::minutes(15));
  EXPECT_EQ(config.settings.max_attempts, 3u);
  EXPECT_EQ(config.settings.max_conns, 500u);
  EXPECT_EQ(config.settings.trace_key, "22");
  EXPECT_TRUE(config.routes.keep_emptied_routes);
  EXPECT_EQ(loaded->unknown_keys,
            (std::vector<std::string>{"clientauthcertificate", "logging.file",
                                      "routing_api.clientauthcertificate", "routing_api.caPool"}));
}

}  // namespace
}  // namespace causeway::router
