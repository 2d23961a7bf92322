#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "router/config/reading.h"
#include "tls/key_pair.h"

namespace causeway::router {

namespace {

using config::Section;

constexpr std::array<std::string_view, 44> kCipherSuites{"RC4-SHA",
                                                         "DES-CBC3-SHA",
                                                         "AES128-SHA",
                                                         "AES256-SHA",
                                                         "AES128-SHA256",
                                                         "AES128-GCM-SHA256",
                                                         "AES256-GCM-SHA384",
                                                         "ECDHE-ECDSA-RC4-SHA",
                                                         "ECDHE-ECDSA-AES128-SHA",
                                                         "ECDHE-ECDSA-AES256-SHA",
                                                         "ECDHE-RSA-RC4-SHA",
                                                         "ECDHE-RSA-DES-CBC3-SHA",
                                                         "ECDHE-RSA-AES128-SHA",
                                                         "ECDHE-RSA-AES256-SHA",
                                                         "ECDHE-ECDSA-AES128-SHA256",
                                                         "ECDHE-RSA-AES128-SHA256",
                                                         "ECDHE-RSA-AES128-GCM-SHA256",
                                                         "ECDHE-ECDSA-AES128-GCM-SHA256",
                                                         "ECDHE-RSA-AES256-GCM-SHA384",
                                                         "ECDHE-ECDSA-AES256-GCM-SHA384",
                                                         "ECDHE-RSA-CHACHA20-POLY1305",
                                                         "ECDHE-ECDSA-CHACHA20-POLY1305",
                                                         "TLS_RSA_WITH_RC4_128_SHA",
                                                         "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                                                         "TLS_RSA_WITH_AES_128_CBC_SHA",
                                                         "TLS_RSA_WITH_AES_256_CBC_SHA",
                                                         "TLS_RSA_WITH_AES_128_CBC_SHA256",
                                                         "TLS_RSA_WITH_AES_128_GCM_SHA256",
                                                         "TLS_RSA_WITH_AES_256_GCM_SHA384",
                                                         "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
                                                         "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
                                                         "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
                                                         "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
                                                         "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
                                                         "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
                                                         "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
                                                         "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
                                                         "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
                                                         "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                                         "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                                                         "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                                                         "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                                                         "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
                                                         "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"};

// The same without taking them; true when both are there.
bool check_pair(Section section, std::string_view certificate_key, std::string_view private_key,
                bool required) {
  std::string certificate;
  std::string key;
  return Reading::read_pair(section, {certificate_key, private_key, required}, certificate, key);
}

void check_cipher_suites(Section root, bool required) {
  std::string suites;
  root.read("cipher_suites", suites);
  if (!required) return;
  if (suites.find_first_not_of(' ') == std::string::npos) {
    return root.problem("cipher_suites", "is required by enable_ssl");
  }
  for (size_t begin = 0; begin <= suites.size();) {
    const size_t end = std::min(suites.find(':', begin), suites.size());
    const std::string_view suite = std::string_view(suites).substr(begin, end - begin);
    if (std::ranges::find(kCipherSuites, suite) == kCipherSuites.end()) {
      root.problem("cipher_suites", "no such suite: \"" + std::string(suite) + "\"");
    }
    begin = end + 1;
  }
}

void read_ssl_listener(Reading& reading) {
  Section root = reading.root;
  bool enabled = false;
  bool plain_disabled = false;
  uint16_t port = 443;
  root.read("enable_ssl", enabled);
  root.read("disable_http", plain_disabled);
  root.read("ssl_port", port, {.min = 1, .max = 65'535});
  check_cipher_suites(root, enabled);

  std::string validation;
  std::string version;
  std::string client_ca;
  bool only_client_ca = false;
  if (enabled) {
    if (!root.has("client_cert_validation")) {
      root.problem("client_cert_validation", "is required by enable_ssl");
    }
    root.read_choice("client_cert_validation", validation, {"none", "request", "require"});
    root.read_choice("min_tls_version", version, {"", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"});
    root.read_choice("max_tls_version", version, {"", "TLSv1.2", "TLSv1.3"});
  } else {
    for (const char* key : {"client_cert_validation", "min_tls_version", "max_tls_version"}) {
      Reading::check_text(root, key);
    }
  }
  root.read("client_ca_certs", client_ca);
  root.read("only_trust_client_ca_certs", only_client_ca);
  if (enabled && only_client_ca && client_ca.empty() &&
      (validation == "request" || validation == "require")) {
    root.problem("client_ca_certs", "is required by only_trust_client_ca_certs");
  }
  std::vector<Section> pairs = root.list("tls_pem");
  if (enabled && pairs.empty()) root.problem("tls_pem", "is required by enable_ssl");
  for (const Section& pair : pairs) check_pair(pair, "cert_chain", "private_key", enabled);

  if (!enabled && plain_disabled) {
    root.problem("disable_http", "neither http nor https listener is enabled");
  } else if (plain_disabled) {
    root.problem("disable_http",
                 "not supported: the https listener is not built yet, so nothing would listen");
  } else if (enabled) {
    reading.warn("enable_ssl", "the https listener is not built yet: only the plain port serves");
  }
  reading.not_built(root, "enable_verify_client_certificate_metadata",
                    "client certificates are not looked at before the https listener is built");
  root.json("verify_client_certificate_metadata");
}

void read_health_listener(Reading& reading) {
  Section status = reading.root.section("status");
  Section listener = status.section("tls");
  bool plain = true;
  status.read("enable_nontls_health_checks", plain);
  uint16_t port = 8443;
  listener.read("port", port, {.min = 1, .max = 65'535});
  // A port alone, which is gorouter's default, asks for nothing.
  const bool asked = listener.has("certificate") || listener.has("key") || port != 8443;
  if (asked) {
    check_pair(listener, "certificate", "key", true);
    reading.warn("status.tls",
                 "the TLS health listener is not built yet: only status.port answers");
  }
  if (!plain) {
    status.problem(
        "enable_nontls_health_checks",
        asked ? "not supported: the TLS health listener is not built yet, so nothing would answer"
              : "neither TLS nor non-TLS health endpoints are enabled");
  }
}

}  // namespace

bool Reading::read_pair(Section section, const PairKeys& keys, std::string& certificate,
                        std::string& private_key) {
  section.read(keys.certificate_key, certificate);
  section.read(keys.private_key_key, private_key);
  if (certificate.empty() && private_key.empty() && !keys.is_required) return false;
  if (certificate.empty()) section.problem(keys.certificate_key, "is required");
  if (private_key.empty()) section.problem(keys.private_key_key, "is required");
  if (certificate.empty() || private_key.empty()) return false;
  const Result<void> pair = tls::check_key_pair(certificate, private_key);
  if (!pair) section.problem(keys.certificate_key, "no usable key pair: " + pair.error().detail);
  return pair.has_value();
}

void read_tls(Reading& reading) {
  Section root = reading.root;
  read_ssl_listener(reading);
  read_health_listener(reading);

  Section backends = root.section("backends");
  if (check_pair(backends, "cert_chain", "private_key", false)) {
    tls::KeyPair& pair = reading.loaded.config.backend_tls.key_pair.emplace();
    backends.read("cert_chain", pair.certificate_pem);
    backends.read("private_key", pair.key_pem);
  }
  Section prometheus = root.section("prometheus");
  if (prometheus.has("cert_path")) {
    reading.warn("prometheus.cert_path",
                 "TLS for metrics is not built yet: plain HTTP on 127.0.0.1");
  }
  for (const char* key : {"cert_path", "key_path", "ca_path"}) Reading::check_text(prometheus, key);

  if (root.has("enable_http2")) {
    reading.not_built(root, "enable_http2",
                      "HTTP/2 is not built yet: clients and backends are served by HTTP/1.1");
  }
}

}  // namespace causeway::router
