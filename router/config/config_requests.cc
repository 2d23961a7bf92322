// Sticky sessions, trace headers, route services.
#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "router/config/reading.h"
#include "router/route_service/signature.h"
#include "tls/context.h"

namespace causeway::router {

namespace {

using config::Section;

// Trusted beside ca_certs, as the original does.
constexpr const char* system_authorities = "/etc/ssl/certs/ca-certificates.crt";

// "app.example.com" or "*.example.com" with labels of letters, digits, "-" and "_".
bool is_allowlist_entry(std::string_view entry) {
  if (entry.starts_with("*.")) entry.remove_prefix(2);
  if (entry.empty()) return false;
  size_t label_bytes = 0;
  for (const char c : entry) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (plain) {
      ++label_bytes;
    } else if (c == '.' && label_bytes > 0) {
      label_bytes = 0;
    } else {
      return false;
    }
  }
  return label_bytes > 0;
}

// What a cookie may be called (RFC 6265 section 4.1.1), or a tenant in tracestate: no separators.
bool is_plain_word(std::string_view text) {
  return !text.empty() &&
         text.find_first_of("()<>@,;:\\\"/[]?={} \t\r\n") == std::string_view::npos;
}

void read_secret(Section root, std::string_view key,
                 std::optional<Settings::RouteServices::Key>& target) {
  std::string secret;
  root.read(key, secret);
  if (!secret.empty()) target = derive_service_key(secret);
}

std::string text_of_file(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void read_hairpinning(Reading& reading) {
  Section root = reading.root;
  Settings::RouteServices& services = reading.loaded.config.settings.route_services;
  root.read("route_services_hairpinning", services.hairpinning);
  root.read("route_services_hairpinning_allowlist", services.hairpinning_allowlist);
  for (const std::string& entry : services.hairpinning_allowlist) {
    if (!is_allowlist_entry(entry)) {
      root.problem("route_services_hairpinning_allowlist",
                   "not a host or *.domain: \"" + entry + "\"");
    }
  }
  // Requests to a service of the own table do not leave the process: no listener, no port.
  uint16_t port = 7070;
  root.read("route_services_internal_server_port", port);
}

// Whom endpoints and services must convince: the system's authorities and ours. "": the system's.
std::string read_authorities(Reading& reading) {
  std::vector<std::string> authorities;
  reading.root.read("ca_certs", authorities);
  std::string ours;
  for (const std::string& authority : authorities) ours.append(authority).append("\n");
  if (ours.empty()) return {};
  const auto context = tls::ClientContext::make({.ca_pem = ours});
  if (!context) reading.root.problem("ca_certs", context.error().detail);
  return ours + text_of_file(system_authorities);
}

// Whom services outside of the route table must convince, and what is shown to them.
void read_service_tls(Reading& reading) {
  Section root = reading.root;
  Settings& settings = reading.loaded.config.settings;
  tls::ClientContext::Options options;
  bool skips_validation = false;
  root.read("skip_ssl_validation", skips_validation);
  root.read("tls_handshake_timeout", settings.tls_handshake_timeout);
  if (skips_validation) options.verify = tls::ClientContext::Options::Verify::none;
  options.ca_pem = reading.loaded.config.backend_tls.ca_pem;

  Section section = root.section("route_services");
  tls::KeyPair pair;
  section.read("cert_chain", pair.certificate_pem);
  section.read("private_key", pair.key_pem);
  if (pair.certificate_pem.empty() != pair.key_pem.empty())
    return section.problem(pair.key_pem.empty() ? "private_key" : "cert_chain", "is required");
  if (!pair.key_pem.empty()) options.key_pair = std::move(pair);
  if (!settings.route_services.key) return;
  auto context = tls::ClientContext::make(options);
  if (context) {
    settings.route_services.tls = *std::move(context);
  } else if (options.key_pair) {
    section.problem("cert_chain", context.error().detail);
  } else {
    reading.warn("route_services_secret", context.error().detail +
                                              ": services that are no routes of this router are "
                                              "answered 502");
  }
}

}  // namespace

void read_sticky_sessions(Reading& reading) {
  Section root = reading.root;
  Settings& settings = reading.loaded.config.settings;
  root.read("sticky_session_cookie_names", settings.sticky_session_cookie_names);
  for (const std::string& name : settings.sticky_session_cookie_names) {
    if (!is_plain_word(name))
      root.problem("sticky_session_cookie_names", "not a cookie's name: \"" + name + "\"");
  }
  root.read("sticky_sessions_for_auth_negotiate", settings.sticky_sessions_for_auth_negotiate);
  root.read("secure_cookies", settings.secure_cookies);
}

void read_tracing(Reading& reading) {
  Section tracing = reading.root.section("tracing");
  Settings& settings = reading.loaded.config.settings;
  tracing.read("enable_zipkin", settings.enable_zipkin);
  tracing.read("enable_w3c", settings.enable_w3c);
  tracing.read("w3c_tenant_id", settings.w3c_tenant_id);
  if (!settings.w3c_tenant_id.empty() && !is_plain_word(settings.w3c_tenant_id))
    tracing.problem("w3c_tenant_id", "not a tenant of tracestate");
  const auto log = [&settings](std::initializer_list<const char*> names) {
    settings.extra_headers_to_log.insert(settings.extra_headers_to_log.end(), names.begin(),
                                         names.end());
  };
  if (settings.enable_zipkin) log({"X-B3-TraceId", "X-B3-SpanId", "X-B3-ParentSpanId", "b3"});
  if (settings.enable_w3c) log({"traceparent", "tracestate"});
}

void read_route_services(Reading& reading) {
  Section root = reading.root;
  Settings::RouteServices& services = reading.loaded.config.settings.route_services;
  read_secret(root, "route_services_secret", services.key);
  read_secret(root, "route_services_secret_decrypt_only", services.former_key);
  root.read("route_services_timeout", services.timeout);
  root.read("route_services_recommend_https", services.recommend_https);
  read_hairpinning(reading);
  Section section = root.section("route_services");
  section.read("max_attempts", services.max_attempts, {.min = 0, .max = 1'000});
  services.max_attempts = std::max(services.max_attempts, 1u);
  section.read("strict_signature_validation", services.strict_signature_validation);
  section.read("enable_websockets", services.enable_websockets);
  reading.loaded.config.backend_tls.ca_pem = read_authorities(reading);
  read_service_tls(reading);
}

}  // namespace causeway::router
