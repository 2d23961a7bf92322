#include "router/config/router_config.h"

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "router/config/test_pair.h"

namespace causeway::router {
namespace {

using std::chrono::seconds;

LoadedConfig load(std::string_view yaml) {
  auto loaded = parse_config(yaml, "router.yml");
  EXPECT_TRUE(loaded) << loaded.error().detail << "\n" << yaml;
  return loaded ? std::move(loaded).value() : LoadedConfig{};
}

std::vector<std::string> warned_keys(const LoadedConfig& loaded) {
  std::vector<std::string> keys;
  for (const ConfigWarning& warning : loaded.warnings) keys.push_back(warning.key);
  return keys;
}

using Keys = std::vector<std::string>;

TEST(RouterConfigTest, an_empty_file_gives_the_defaults_of_gorouters_binary) {
  const LoadedConfig loaded = load("");
  const RouterConfig& config = loaded.config;
  EXPECT_EQ(warned_keys(loaded), Keys{});
  EXPECT_EQ(loaded.unknown_keys, Keys{});
  EXPECT_EQ(config.port, 8081);
  EXPECT_EQ(config.status_port, 8080);
  EXPECT_EQ(config.routes_port, 8082);
  EXPECT_EQ(config.prometheus_port, 0);
  EXPECT_EQ(config.workers, 0u);
  EXPECT_EQ(config.log_level, log::Level::debug);
  EXPECT_EQ(config.log_time_format, log::TimeFormat::unix_epoch);
  EXPECT_EQ(config.log_source, "gorouter.stdout");
  ASSERT_EQ(config.nats.servers.size(), 1u);
  EXPECT_EQ(config.nats.servers[0].host, "localhost");
  EXPECT_EQ(config.nats.servers[0].port, 4222);
  EXPECT_EQ(config.nats.ping_interval, seconds(20));
  EXPECT_EQ(config.routes.stale_threshold, seconds(120));
  EXPECT_EQ(config.routes.balancing, LoadBalancing::round_robin);
  EXPECT_FALSE(config.routes.keep_emptied_routes);
  EXPECT_EQ(config.prune_interval, seconds(30));
  EXPECT_EQ(config.start_response_delay, seconds(5));
  EXPECT_EQ(config.drain_wait, seconds(0));
  EXPECT_EQ(config.drain_timeout, seconds(60));  // endpoint_timeout
  EXPECT_EQ(config.settings.endpoint_timeout, seconds(60));
  EXPECT_EQ(config.settings.max_attempts, 1u);
  EXPECT_TRUE(config.settings.disable_keep_alives);
  EXPECT_EQ(config.settings.max_request_header_bytes, size_t{1} << 20);
  EXPECT_EQ(config.settings.failed_mark_lifetime, seconds(30));
}

TEST(RouterConfigTest, reads_every_key_it_serves) {
  const LoadedConfig loaded = load(R"(
status: {host: 127.0.0.1, port: 1, user: u, pass: p, routes: {port: 2}, tls: {port: 8443}}
port: 3
prometheus: {enabled: true, port: 4}
index: 5
zone: z1
workers: 6
nats:
  user: nats
  pass: secret
  hosts: [{hostname: 10.0.0.1, port: 7}, {hostname: n2}]
nats_client_ping_interval: 8s
logging: {level: info, syslog: gorouter, format: {timestamp: rfc3339}, redact_query_params: hash,
          disable_log_forwarded_for: true, disable_log_source_ip: true}
access_log: {file: /tmp/access.log}
extra_headers_to_log: [A, B]
extra_access_log_fields: [dial_time, local_address]
isolation_segments: [one]
routing_table_sharding_mode: shared-and-segments
prune_stale_droplets_interval: 10s
droplet_stale_threshold: 40s
start_response_delay_interval: 1s
suspend_pruning_if_nats_unavailable: true
empty_pool_response_code_503: true
empty_pool_timeout: 9s
balancing_algorithm: least-connection
balancing_algorithm_az_preference: locally-optimistic
max_request_header_bytes: 1000
max_request_headers: 11
max_response_header_bytes: 12
max_response_headers: 13
endpoint_timeout: 14s
endpoint_dial_timeout: 15s
websocket_dial_timeout: 1s
frontend_idle_timeout: 16s
read_header_timeout: 17s
endpoint_keep_alive_probe_interval: 18s
drain_wait: 19s
drain_timeout: 1m20s
backends: {max_attempts: 3, max_conns: 500}
disable_keep_alives: false
max_idle_conns: 21
max_idle_conns_per_host: 22
backend_idle_timeout: 23s
force_forwarded_proto_https: true
sanitize_forwarded_proto: true
forwarded_client_cert: sanitize_set
hop_by_hop_headers_to_filter: [X-Forwarded-For]
healthcheck_user_agent: Probe
trace_key: "22"
http_rewrite:
  responses:
    remove_headers: [{name: X-A}, {name: X-B, value: b}]
    add_headers_if_not_present: [{name: X-C, value: c}]
per_request_metrics_reporting: false
)");
  const RouterConfig& config = loaded.config;
  const Settings& settings = config.settings;
  EXPECT_EQ(warned_keys(loaded), Keys{});
  EXPECT_EQ(loaded.unknown_keys, Keys{});
  EXPECT_EQ(config.status_host, "127.0.0.1");
  EXPECT_EQ(config.status_port, 1);
  EXPECT_EQ(config.routes_port, 2);
  EXPECT_EQ(config.status_user + config.status_pass, "up");
  EXPECT_EQ(config.port, 3);
  EXPECT_EQ(config.prometheus_port, 4);
  EXPECT_EQ(config.index, 5u);
  EXPECT_EQ(settings.zone, "z1");
  EXPECT_EQ(config.workers, 6u);
  ASSERT_EQ(config.nats.servers.size(), 2u);
  EXPECT_EQ(config.nats.servers[0].port, 7);
  EXPECT_EQ(config.nats.servers[1].host, "n2");
  EXPECT_EQ(config.nats.servers[1].port, 4222);
  EXPECT_EQ(config.nats.servers[1].user + config.nats.servers[1].password, "natssecret");
  EXPECT_EQ(config.nats.ping_interval, seconds(8));
  EXPECT_EQ(config.log_level, log::Level::info);
  EXPECT_EQ(config.log_time_format, log::TimeFormat::rfc3339);
  EXPECT_EQ(config.log_source, "gorouter");
  EXPECT_EQ(settings.redact_query_params, RedactQuery::hash);
  EXPECT_TRUE(settings.disable_log_forwarded_for && settings.disable_log_source_ip);
  EXPECT_EQ(config.access_log.file, "/tmp/access.log");
  EXPECT_EQ(settings.extra_headers_to_log, (Keys{"A", "B"}));
  EXPECT_EQ(settings.extra_access_log_fields, (Keys{"dial_time", "local_address"}));
  EXPECT_EQ(config.routes.isolation_segments, Keys{"one"});
  EXPECT_EQ(config.routes.sharding, RouteBook::Sharding::shared_and_segments);
  EXPECT_EQ(config.prune_interval, seconds(10));
  EXPECT_EQ(config.routes.stale_threshold, seconds(40));
  EXPECT_EQ(settings.failed_mark_lifetime, seconds(10));
  EXPECT_EQ(config.start_response_delay, seconds(1));
  EXPECT_TRUE(config.suspend_pruning_if_nats_unavailable);
  EXPECT_TRUE(config.routes.keep_emptied_routes);
  EXPECT_EQ(config.routes.emptied_route_lifetime, seconds(9));
  EXPECT_EQ(config.routes.balancing, LoadBalancing::least_connection);
  EXPECT_TRUE(settings.prefer_zone);
  EXPECT_EQ(settings.max_request_header_bytes, 1000u);
  EXPECT_EQ(settings.max_request_headers, 11u);
  EXPECT_EQ(settings.max_response_header_bytes, 12u);
  EXPECT_EQ(settings.max_response_headers, 13u);
  EXPECT_EQ(settings.endpoint_timeout, seconds(14));
  EXPECT_EQ(settings.endpoint_dial_timeout, seconds(15));
  EXPECT_EQ(settings.frontend_idle_timeout, seconds(16));
  EXPECT_EQ(settings.read_header_timeout, seconds(17));
  EXPECT_EQ(settings.endpoint_keep_alive_probe_interval, seconds(18));
  EXPECT_EQ(config.drain_wait, seconds(19));
  EXPECT_EQ(config.drain_timeout, seconds(80));
  EXPECT_EQ(settings.max_attempts, 3u);
  EXPECT_EQ(settings.max_conns, 500u);
  EXPECT_FALSE(settings.disable_keep_alives);
  EXPECT_EQ(settings.max_idle_conns, 21u);
  EXPECT_EQ(settings.max_idle_conns_per_host, 22u);
  EXPECT_EQ(settings.backend_idle_timeout, seconds(23));
  EXPECT_TRUE(settings.force_forwarded_proto_https && settings.sanitize_forwarded_proto);
  EXPECT_EQ(settings.forwarded_client_cert, ClientCertPolicy::sanitize_set);
  EXPECT_EQ(settings.hop_by_hop_headers_to_filter, Keys{"X-Forwarded-For"});
  EXPECT_EQ(settings.healthcheck_user_agent, "Probe");
  EXPECT_EQ(settings.trace_key, "22");
  ASSERT_EQ(settings.remove_response_headers.size(), 2u);
  EXPECT_EQ(settings.remove_response_headers[0].value, "");
  EXPECT_EQ(settings.remove_response_headers[1].value, "b");
  ASSERT_EQ(settings.add_response_headers_if_not_present.size(), 1u);
  EXPECT_EQ(settings.add_response_headers_if_not_present[0].second, "c");
  EXPECT_FALSE(settings.per_request_metrics_reporting);
}

TEST(RouterConfigTest, derived_values) {
  EXPECT_EQ(load("droplet_stale_threshold: 10s\nstart_response_delay_interval: 20s")
                .config.routes.stale_threshold,
            seconds(20));
  EXPECT_EQ(load("endpoint_timeout: 7s").config.drain_timeout, seconds(7));
  EXPECT_EQ(load("drain_timeout: 0s\nendpoint_timeout: 7s").config.drain_timeout, seconds(7));
  EXPECT_EQ(load("go_max_procs: 3").config.workers, 3u);
  EXPECT_EQ(load("go_max_procs: -1").config.workers, 0u);
  EXPECT_EQ(load("go_max_procs: 3\nworkers: 2").config.workers, 2u);
  EXPECT_EQ(load("max_header_bytes: 5000").config.settings.max_request_header_bytes, 5000u);
  EXPECT_EQ(load("max_request_header_bytes: 90000000").config.settings.max_request_header_bytes,
            size_t{1} << 20);
  EXPECT_EQ(load("backends: {max_attempts: 0}").config.settings.max_attempts, 1u);
  EXPECT_EQ(load("prometheus: {port: 9}").config.prometheus_port, 9);
  EXPECT_EQ(load("prometheus: {enabled: false, port: 9}").config.prometheus_port, 0);
}

TEST(RouterConfigTest, each_protocol_of_clients_may_have_its_endpoint_timeout) {
  const Settings both = load("endpoint_timeout: 7s\ndrain_timeout: 1s").config.settings;
  EXPECT_EQ(both.endpoint_timeout, seconds(7));
  EXPECT_EQ(both.http2_endpoint_timeout, seconds(7));
  const Settings own =
      load("endpoint_timeout: 7s\nhttp_1_endpoint_timeout: 8s\nhttp_2_endpoint_timeout: 9s")
          .config.settings;
  EXPECT_EQ(own.endpoint_timeout, seconds(8));
  EXPECT_EQ(own.http2_endpoint_timeout, seconds(9));
  EXPECT_EQ(load("http_1_endpoint_timeout: 8s").config.settings.http2_endpoint_timeout,
            seconds(60));
}

TEST(RouterConfigTest, where_the_access_log_goes) {
  const AccessLogConfig none = load("").config.access_log;
  EXPECT_EQ(none.file, "");
  EXPECT_FALSE(none.streams_to_syslog || none.blocks_when_full);
  const LoadedConfig loaded = load(R"(
logging: {syslog_addr: 'logs.example:601', syslog_network: tcp4, syslog_truncate: 2000,
          enable_attempts_details: true}
access_log: {enable_streaming: true, queue_bytes: 2000000, when_full: block, syslog_format: rfc5424}
extra_access_log_fields: [dial_time, local_address]
)");
  EXPECT_EQ(warned_keys(loaded), Keys{});
  EXPECT_EQ(loaded.unknown_keys, Keys{});
  const AccessLogConfig& log = loaded.config.access_log;
  EXPECT_TRUE(log.streams_to_syslog && log.syslog_over_tcp && log.blocks_when_full);
  EXPECT_TRUE(log.syslog_is_rfc5424);
  EXPECT_EQ(log.syslog_family, 4);
  EXPECT_EQ(log.syslog_host, "logs.example");
  EXPECT_EQ(log.syslog_port, 601);
  EXPECT_EQ(log.syslog_truncate, 2000u);
  EXPECT_EQ(log.queue_bytes, 2'000'000u);
  EXPECT_EQ(loaded.config.settings.extra_access_log_fields,
            (Keys{"dial_time", "local_address", "failed_attempts", "failed_attempts_time",
                  "dns_time", "tls_time", "backend_time"}));
}

TEST(RouterConfigTest, metrics) {
  const LoadedConfig loaded = load(R"(
prometheus:
  port: 1
  meters:
    route_lookup_time_histogram_buckets: [1, 2.5e3]
    route_registration_latency_histogram_buckets: [1]
    routing_response_latency_histogram_buckets: [2]
    http_latency_histogram_buckets: [0.5, 3]
    gorouter_time_histogram_buckets: [4]
per_app_prometheus_http_metrics_reporting: true
status: {enable_deprecated_varz_healthz_endpoints: true}
)");
  // The pages are served, collectors are not told of them.
  EXPECT_EQ(warned_keys(loaded), Keys{"status.enable_deprecated_varz_healthz_endpoints"});
  EXPECT_EQ(loaded.unknown_keys, Keys{});
  const Settings& settings = loaded.config.settings;
  EXPECT_TRUE(settings.per_app_prometheus_http_metrics_reporting);
  EXPECT_TRUE(settings.counts_requests_of_apps && loaded.config.serves_varz);
  using Bounds = std::vector<double>;
  EXPECT_EQ(settings.histogram_bounds.route_lookup_ns, (Bounds{1, 2500}));
  EXPECT_EQ(settings.histogram_bounds.route_registration_ms, Bounds{1});
  EXPECT_EQ(settings.histogram_bounds.latency_ms, Bounds{2});
  EXPECT_EQ(settings.histogram_bounds.http_latency_seconds, (Bounds{0.5, 3}));
  EXPECT_EQ(settings.histogram_bounds.gorouter_seconds, Bounds{4});
}

TEST(RouterConfigTest, unknown_keys_are_told_not_refused) {
  const LoadedConfig loaded = load("clientauthcertificate: {certificate: []}\nnats: {capool: x}");
  EXPECT_EQ(loaded.unknown_keys, (Keys{"clientauthcertificate", "nats.capool"}));
}

struct Refused {
  const char* yaml;
  const char* key;  // named by the error
};

class RefusedConfigTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedConfigTest, names_the_key) {
  const auto loaded = parse_config(GetParam().yaml, "router.yml");
  ASSERT_FALSE(loaded) << GetParam().yaml;
  EXPECT_NE(loaded.error().detail.find(GetParam().key), std::string::npos) << loaded.error().detail;
  EXPECT_EQ(loaded.error().detail.find("router.yml"), 0u) << loaded.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Keys, RefusedConfigTest,
    testing::Values(
        Refused{"port: [", ""}, Refused{"- a\n- b", "not a mapping"}, Refused{"port: 0", "port"},
        Refused{"port: 65536", "port"}, Refused{"port: http", "port"},
        Refused{"status: 5", "status"}, Refused{"status: {port: x}", "status.port"},
        Refused{"status: {host: localhost}", "status.host"},
        Refused{"status: {routes: {port: 0}}", "status.routes.port"},
        Refused{"status: {tls: {port: 9000}}", "status.tls.certificate"},
        Refused{"status: {tls: {certificate: x}}", "status.tls.key"},
        Refused{"status: {tls: {certificate: x, key: y}}", "no usable key pair"},
        Refused{"status: {enable_nontls_health_checks: false}",
                "status.enable_nontls_health_checks"},
        Refused{"prometheus: {enabled: true}", "prometheus.port"}, Refused{"index: -1", "index"},
        Refused{"go_max_procs: -2", "go_max_procs"}, Refused{"workers: 5000", "workers"},
        Refused{"nats: {hosts: []}", "nats.hosts"},
        Refused{"nats: {hosts: [{port: 1}]}", "nats.hosts[0].hostname"},
        Refused{"nats: {hosts: [a]}", "nats.hosts[0]"},
        Refused{"nats: {hosts: [{hostname: a, port: 99999}]}", "nats.hosts[0].port"},
        Refused{"nats: {tls_enabled: true}", "nats.ca_certs"},
        Refused{"nats_client_ping_interval: 0s", "nats_client_ping_interval"},
        Refused{"logging: {level: loud}", "logging.level"},
        Refused{"logging: {format: {timestamp: swatch}}", "logging.format.timestamp"},
        Refused{"logging: {redact_query_params: some}", "logging.redact_query_params"},
        Refused{"logging: {metron_address: ''}", "logging.metron_address"},
        Refused{"logging: {syslog_network: unix}", "logging.syslog_network"},
        Refused{"logging: {syslog_addr: logs}\naccess_log: {enable_streaming: true}",
                "logging.syslog_addr"},
        Refused{"logging: {syslog_truncate: -1}", "logging.syslog_truncate"},
        Refused{"access_log: {syslog_format: rfc3164}", "access_log.syslog_format"},
        Refused{"access_log: {when_full: wait}", "access_log.when_full"},
        Refused{"access_log: {queue_bytes: 5}", "access_log.queue_bytes"},
        Refused{"html_error_template_file: /absent", "html_error_template_file: /absent"},
        Refused{"prometheus: {port: 1, meters: {gorouter_time_histogram_buckets: [2, 1]}}",
                "prometheus.meters.gorouter_time_histogram_buckets"},
        Refused{"prometheus: {port: 1, meters: {gorouter_time_histogram_buckets: [x]}}",
                "prometheus.meters.gorouter_time_histogram_buckets"},
        Refused{"prometheus: {port: 1, meters: {http_latency_histogram_buckets: []}}",
                "prometheus.meters.http_latency_histogram_buckets"},
        Refused{"routing_table_sharding_mode: some", "routing_table_sharding_mode"},
        Refused{"routing_table_sharding_mode: segments", "isolation_segments"},
        Refused{"isolation_segments: one", "isolation_segments"},
        Refused{"balancing_algorithm: random", "balancing_algorithm"},
        Refused{"balancing_algorithm_az_preference: far", "balancing_algorithm_az_preference"},
        Refused{"forwarded_client_cert: maybe", "forwarded_client_cert"},
        Refused{"load_balancer_healthy_threshold: -1s", "load_balancer_healthy_threshold"},
        Refused{"prune_stale_droplets_interval: 0s", "prune_stale_droplets_interval"},
        Refused{"droplet_stale_threshold: soon", "droplet_stale_threshold"},
        Refused{"start_response_delay_interval: 5 seconds", "start_response_delay_interval"},
        Refused{"endpoint_timeout: -5s", "endpoint_timeout"},
        Refused{"websocket_dial_timeout: x", "websocket_dial_timeout"},
        Refused{"tls_handshake_timeout: x", "tls_handshake_timeout"},
        Refused{"drain_wait: x", "drain_wait"}, Refused{"drain_timeout: x", "drain_timeout"},
        Refused{"backends: {max_attempts: -1}", "backends.max_attempts"},
        Refused{"backends: {max_conns: many}", "backends.max_conns"},
        Refused{"backends: {cert_chain: x}", "backends.private_key"},
        Refused{"max_request_headers: -1", "max_request_headers"},
        Refused{"disable_keep_alives: 7", "disable_keep_alives"},
        Refused{"http_rewrite: {responses: {remove_headers: [{value: x}]}}",
                "http_rewrite.responses.remove_headers[0].name"},
        Refused{"route_services_hairpinning_allowlist: ['*.*.d']",
                "route_services_hairpinning_allowlist"},
        Refused{"route_services_hairpinning_allowlist: ['a..d']",
                "route_services_hairpinning_allowlist"},
        Refused{"extra_headers_to_log: X", "extra_headers_to_log"},
        Refused{"disable_http: true", "disable_http"}, Refused{"enable_ssl: true", "tls_pem"},
        Refused{"enable_ssl: true", "cipher_suites"},
        Refused{"enable_ssl: true", "client_cert_validation"},
        Refused{"enable_ssl: true\nclient_cert_validation: perhaps", "client_cert_validation"},
        Refused{"enable_ssl: true\nmin_tls_version: SSLv3", "min_tls_version"},
        Refused{"enable_ssl: true\nmax_tls_version: TLSv1.1", "max_tls_version"},
        Refused{"enable_ssl: true\ncipher_suites: 'AES128-SHA:NONE'", "no such suite: \"NONE\""},
        Refused{"enable_ssl: true\ntls_pem: [{cert_chain: a}]", "tls_pem[0].private_key"},
        Refused{"enable_ssl: true\ntls_pem: [{cert_chain: a, private_key: b}]",
                "no usable key pair"},
        Refused{
            "enable_ssl: true\nonly_trust_client_ca_certs: true\nclient_cert_validation: require",
            "client_ca_certs"}));

TEST(RouterConfigTest, all_mistakes_are_told_at_once) {
  const auto loaded = parse_config("port: 0\n\ndrain_wait: x\n", "router.yml");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find("router.yml:1: port: "), std::string::npos);
  EXPECT_NE(loaded.error().detail.find("; router.yml:3: drain_wait: "), std::string::npos);
}

struct Warned {
  const char* yaml;
  const char* key;
};

class WarnedConfigTest : public testing::TestWithParam<Warned> {};

TEST_P(WarnedConfigTest, is_accepted_with_one_warning) {
  const LoadedConfig loaded = load(GetParam().yaml);
  EXPECT_EQ(warned_keys(loaded), Keys{GetParam().key});
  EXPECT_EQ(loaded.unknown_keys, Keys{});
}

INSTANTIATE_TEST_SUITE_P(
    Keys, WarnedConfigTest,
    testing::Values(Warned{"balancing_algorithm: hash", "balancing_algorithm"},
                    Warned{"routing_api: {uri: https://api, port: 3001}", "routing_api"},
                    Warned{"enable_envelope_v1_metrics: true", "enable_envelope_v1_metrics"},
                    Warned{"logging: {loggregator_enabled: true}", "logging.loggregator_enabled"},
                    Warned{"publish_active_apps_interval: 5s", "publish_active_apps_interval"},
                    Warned{"debug_addr: 127.0.0.1:17002", "debug_addr"},
                    Warned{"extra_access_log_fields: [caller_cf_app]", "extra_access_log_fields"}));

class SilentConfigTest : public testing::TestWithParam<const char*> {};

TEST_P(SilentConfigTest, is_accepted_without_a_word) {
  const LoadedConfig loaded = load(GetParam());
  EXPECT_EQ(warned_keys(loaded), Keys{});
  EXPECT_EQ(loaded.unknown_keys, Keys{});
}

INSTANTIATE_TEST_SUITE_P(
    Keys, SilentConfigTest,
    testing::Values("enable_http2: true", "enable_h2c: true", "enable_ssl: false\nssl_port: 443",
                    "routing_api: {auth_disabled: true}", "sticky_session_cookie_names: []",
                    "enable_envelope_v1_metrics: false", "pid_file: /run/router.pid",
                    "oauth: {token_endpoint: uaa, port: 8443, client_name: a, client_secret: b}",
                    "token_fetcher_max_retries: 3", "skip_ssl_validation: true", "ca_certs: []",
                    "client_ca_certs: ''", "tls_pem: []",
                    "enable_http1_concurrent_read_write: true",
                    "keep_alive_100_continue_requests: true",
                    "healthcheck_poll_interval: 10s\nhealthcheck_timeout: 5s",
                    "nats: {tls_enabled: false, ca_certs: x}"));

constexpr const char* kSslConfig = R"(
enable_ssl: true
cipher_suites: ECDHE-RSA-AES128-GCM-SHA256:TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
client_cert_validation: none
tls_pem:
- cert_chain: |
@CERTIFICATE@
  private_key: |
@KEY@
)";

std::string with_pair(std::string yaml) {
  const auto indented = [](const std::string& pem) {
    std::istringstream stream(pem);
    std::string text;
    for (std::string line; std::getline(stream, line);) text += "    " + line + "\n";
    return text;
  };
  const PemPair pair = make_pem_pair();
  yaml.replace(yaml.find("@CERTIFICATE@"), 13, indented(pair.certificate));
  yaml.replace(yaml.find("@KEY@"), 5, indented(pair.key));
  return yaml;
}

TEST(RouterConfigTest, the_https_listener_is_read) {
  const LoadedConfig loaded = load(with_pair(kSslConfig));
  EXPECT_EQ(warned_keys(loaded), Keys{});
  const TlsSettings& tls = loaded.config.tls;
  EXPECT_TRUE(tls.is_enabled);
  EXPECT_TRUE(loaded.config.serves_plain);
  EXPECT_EQ(tls.port, 443);
  EXPECT_EQ(tls.least, tls::Version::tls_1_2);
  EXPECT_EQ(tls.most, tls::Version::tls_1_3);
  ASSERT_EQ(tls.pairs.size(), 1u);
  EXPECT_TRUE(tls.pairs[0].certificate.text.starts_with("-----BEGIN CERTIFICATE"));
  EXPECT_EQ(tls.cipher_suites,
            (Keys{"ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}));
  EXPECT_EQ(tls.client_certificate, tls::ServerContext::Options::ClientCertificate::ignored);
}

TEST(RouterConfigTest, the_https_listener_may_be_the_only_one) {
  EXPECT_FALSE(load(with_pair(kSslConfig) + "disable_http: true\n").config.serves_plain);
}

TEST(RouterConfigTest, suites_that_are_gone_are_named_and_left_out) {
  std::string yaml = with_pair(kSslConfig);
  yaml.replace(yaml.find("ECDHE-RSA-AES128"), 0, "RC4-SHA:ECDHE-RSA-DES-CBC3-SHA:");
  const LoadedConfig loaded = load(yaml);
  EXPECT_EQ(warned_keys(loaded), Keys{"cipher_suites"});
  EXPECT_EQ(loaded.config.tls.cipher_suites.size(), 2u);
}

TEST(RouterConfigTest, versions_are_those_that_are_asked_for) {
  const LoadedConfig loaded =
      load(with_pair(kSslConfig) + "min_tls_version: TLSv1.0\nmax_tls_version: TLSv1.2\n");
  EXPECT_EQ(loaded.config.tls.least, tls::Version::tls_1_0);
  EXPECT_EQ(loaded.config.tls.most, tls::Version::tls_1_2);
  const auto upside_down = parse_config(
      with_pair(kSslConfig) + "min_tls_version: TLSv1.3\nmax_tls_version: TLSv1.2\n", "router.yml");
  ASSERT_FALSE(upside_down);
  EXPECT_NE(upside_down.error().detail.find("max_tls_version: is older"), std::string::npos);
}

TEST(RouterConfigTest, a_rule_about_subjects_is_of_a_known_authority) {
  const std::string rule =
      "enable_verify_client_certificate_metadata: true\nverify_client_certificate_metadata:\n"
      "- issuer_in_chain: {common_name: nobody}\n  valid_cert_subjects: [{common_name: a}]\n";
  const auto loaded = parse_config(with_pair(kSslConfig) + rule, "router.yml");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find("verify_client_certificate_metadata[0].issuer_in_chain: no "
                                       "CA of client_ca_certs has this subject"),
            std::string::npos);
}

TEST(RouterConfigTest, a_domain_has_an_authority_and_a_format) {
  const std::string yaml = with_pair(kSslConfig);
  const size_t begin = yaml.find("    -----BEGIN CERT");
  const std::string pem = yaml.substr(begin, yaml.find("  private_key") - begin);
  const LoadedConfig loaded = load(yaml +
                                   "domains:\n- name: '*.Apps.Identity'\n  xfcc_format: envoy\n"
                                   "  ca_certs: |\n" +
                                   pem);
  ASSERT_EQ(loaded.config.tls.domains.size(), 1u);
  EXPECT_EQ(loaded.config.tls.domains[0].name, "*.apps.identity");
  ASSERT_EQ(loaded.config.settings.mtls_domains.size(), 1u);
  const MtlsDomain& rules = loaded.config.settings.mtls_domains[0];
  EXPECT_EQ(rules.forwarded_client_cert, ClientCertPolicy::sanitize_set);
  EXPECT_EQ(rules.format, ClientCertFormat::envoy);
}

TEST(RouterConfigTest, the_documented_example_is_valid_and_complete) {
  const auto loaded =
      read_config(std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/conf/router.yml");
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(loaded->unknown_keys, Keys{});
}

TEST(RouterConfigTest, a_missing_file_is_an_error) {
  const auto loaded = read_config("/nowhere/router.yml");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().detail.find("/nowhere/router.yml"), std::string::npos);
}

}  // namespace
}  // namespace causeway::router
