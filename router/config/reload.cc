#include "router/config/reload.h"

#include <algorithm>
#include <array>

namespace causeway::router {

namespace {

// Keys, or sections with a dot at the end, that a running router follows. All others need another
// process, which an upgrade brings without a failed request.
constexpr std::array<std::string_view, 76> kReloadable{
    // Logs.
    "logging.level", "logging.redact_query_params", "logging.disable_log_forwarded_for",
    "logging.disable_log_source_ip", "logging.enable_attempts_details", "extra_headers_to_log",
    "extra_access_log_fields", "per_request_metrics_reporting",
    "per_app_prometheus_http_metrics_reporting",
    // Limits and times.
    "max_request_header_bytes", "max_header_bytes", "max_request_headers",
    "max_response_header_bytes", "max_response_headers", "endpoint_timeout",
    "http_1_endpoint_timeout", "http_2_endpoint_timeout", "endpoint_dial_timeout",
    "endpoint_keep_alive_probe_interval", "tls_handshake_timeout", "frontend_idle_timeout",
    "read_header_timeout", "websocket_drain_timeout", "drain_wait", "drain_timeout",
    "upgrade.timeout", "enable_proxy", "proxy_protocol.", "http2.",
    // Endpoints and balancing.
    "backends.", "disable_keep_alives", "max_idle_conns", "max_idle_conns_per_host",
    "backend_idle_timeout", "balancing_algorithm", "balancing_algorithm_az_preference", "zone",
    "empty_pool_response_code_503", "empty_pool_timeout", "suspend_pruning_if_nats_unavailable",
    "ca_certs", "skip_ssl_validation",
    // Headers and pages.
    "force_forwarded_proto_https", "sanitize_forwarded_proto", "forwarded_client_cert",
    "hop_by_hop_headers_to_filter", "healthcheck_user_agent", "trace_key", "http_rewrite.",
    "html_error_template_file", "tracing.", "sticky_session_cookie_names",
    "sticky_sessions_for_auth_negotiate", "secure_cookies",
    // Route services.
    "route_services.", "route_services_secret", "route_services_secret_decrypt_only",
    "route_services_timeout", "route_services_recommend_https", "route_services_hairpinning",
    "route_services_hairpinning_allowlist",
    // The https listener's certificates and rules.
    "tls_pem", "cipher_suites", "min_tls_version", "max_tls_version", "client_cert_validation",
    "client_ca_certs", "only_trust_client_ca_certs", "enable_verify_client_certificate_metadata",
    "verify_client_certificate_metadata", "domains", "xfcc_format", "client_ca_certs_file",
    "frontend_tls.", "status.tls.certificate", "status.tls.key"};

}  // namespace

bool is_reloadable(std::string_view key) {
  return std::any_of(kReloadable.begin(), kReloadable.end(), [key](std::string_view each) {
    return each.ends_with('.') ? key.starts_with(each) : key == each;
  });
}

std::vector<std::string> changed_keys(const std::map<std::string, std::string>& before,
                                      const std::map<std::string, std::string>& after) {
  std::vector<std::string> changed;
  for (const auto& [key, value] : before) {
    const auto found = after.find(key);
    if (found == after.end() || found->second != value) changed.push_back(key);
  }
  for (const auto& [key, value] : after) {
    if (!before.contains(key)) changed.push_back(key);
  }
  std::sort(changed.begin(), changed.end());
  return changed;
}

RouterConfig reloaded(const RouterConfig& running, const RouterConfig& next) {
  RouterConfig config = running;
  config.log_level = next.log_level;
  config.drain_wait = next.drain_wait;
  config.drain_timeout = next.drain_timeout;
  config.upgrade_timeout = next.upgrade_timeout;
  config.suspend_pruning_if_nats_unavailable = next.suspend_pruning_if_nats_unavailable;
  config.routes.balancing = next.routes.balancing;
  config.routes.keep_emptied_routes = next.routes.keep_emptied_routes;
  config.routes.emptied_route_lifetime = next.routes.emptied_route_lifetime;
  config.backend_tls = next.backend_tls;
  config.status_tls = next.status_tls;
  config.tls = next.tls;
  config.tls.is_enabled = running.tls.is_enabled;
  config.tls.port = running.tls.port;
  config.tls.offers_protocols = running.tls.offers_protocols;
  config.settings = next.settings;
  // Parts of what needs another process.
  config.settings.histogram_bounds = running.settings.histogram_bounds;
  config.settings.counts_requests_of_apps = running.settings.counts_requests_of_apps;
  config.settings.failed_mark_lifetime = running.settings.failed_mark_lifetime;
  config.settings.enable_http2 = running.settings.enable_http2;
  config.settings.http2.on_plain_port = running.settings.http2.on_plain_port;
  return config;
}

}  // namespace causeway::router
