#include "control/route_emitter/routing_api_config.h"

#include "config/config.h"
#include "diego/service_url.h"
#include "diego/tls_keys.h"

namespace causeway::route_emitter {

namespace {

const diego::TlsKeys kApiKeys{{"ca_cert_file"}, {"client_cert_file"}, {"client_key_file"}};

// Of files without a certificate; those with one are checked where they are read.
void check_authorities(config::Section& section, const char* key,
                       const rpc::Identity::Files& files) {
  if (files.authorities.empty() || !files.certificate.empty()) return;
  if (auto fits = rpc::Identity::check(files); !fits) section.problem(key, fits.error().detail);
}

void read_uaa(config::Section& root, RoutingApiConfig& config) {
  config::Section oauth = root.section("oauth");
  oauth.require("uaa_url", config.uaa_url);
  oauth.require("client_name", config.client_name);
  oauth.read("client_secret", config.client_secret);
  oauth.read("ca_certs", config.uaa_tls.authorities);
  bool skips = false;
  oauth.read("skip_cert_verify", skips);
  config.verifies_uaa = !skips;
  if (skips) config.uaa_tls.authorities.clear();  // whoever answers is believed
  oauth.read("uaa_request_timeout", config.uaa_timeout);
  if (config.uaa_url.empty()) return;
  diego::complete_url(oauth, "uaa_url", config.uaa_url);
  check_authorities(oauth, "ca_certs", config.uaa_tls);
}

}  // namespace

RoutingApiConfig read_routing_api(config::Section& root) {
  RoutingApiConfig config;
  config::Section api = root.section("routing_api");
  api.read("url", config.url);
  if (config.url.empty()) return config;
  uint16_t port = 0;
  api.read("port", port, {.min = 0, .max = 65'535});
  while (config.url.ends_with('/')) config.url.pop_back();
  if (port != 0) config.url += ":" + std::to_string(port);
  diego::complete_url(api, "url", config.url);
  config.tls = diego::read_tls_files(api, kApiKeys);
  check_authorities(api, "ca_cert_file", config.tls);
  bool needs_token = false;
  api.read("auth_enabled", needs_token);
  if (needs_token) read_uaa(root, config);
  root.read("tcp_route_ttl", config.ttl);
  if (config.ttl < std::chrono::seconds(1)) root.problem("tcp_route_ttl", "must be at least 1s");
  root.read("enable_tls", config.tells_tls);  // an older spelling
  root.read("tcp_enable_tls", config.tells_tls);
  return config;
}

}  // namespace causeway::route_emitter
