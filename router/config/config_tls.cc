#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/config/reading.h"
#include "tls/cipher_suites.h"
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

void read_cipher_suites(Reading& reading, TlsSettings& tls) {
  Section root = reading.root;
  std::string suites;
  root.read("cipher_suites", suites);
  if (!tls.is_enabled) return;
  if (suites.find_first_not_of(' ') == std::string::npos) {
    return root.problem("cipher_suites", "is required by enable_ssl");
  }
  std::string missing;
  for (size_t begin = 0; begin <= suites.size();) {
    const size_t end = std::min(suites.find(':', begin), suites.size());
    const std::string suite = suites.substr(begin, end - begin);
    begin = end + 1;
    if (std::ranges::find(kCipherSuites, suite) == kCipherSuites.end()) {
      root.problem("cipher_suites", "no such suite: \"" + suite + "\"");
    } else if (tls::has_cipher_suite(suite)) {
      tls.cipher_suites.push_back(suite);
    } else {
      missing += (missing.empty() ? "" : ", ") + suite;
    }
  }
  if (missing.empty()) return;
  if (tls.cipher_suites.empty() && tls.least < tls::Version::tls_1_3) {
    return root.problem("cipher_suites", "none of them is spoken: " + missing);
  }
  reading.warn("cipher_suites", "not spoken because they are broken or gone: " + missing);
}

tls::Version version_of(const std::string& name, tls::Version otherwise) {
  if (name == "TLSv1.0") return tls::Version::tls_1_0;
  if (name == "TLSv1.1") return tls::Version::tls_1_1;
  if (name == "TLSv1.2") return tls::Version::tls_1_2;
  if (name == "TLSv1.3") return tls::Version::tls_1_3;
  return otherwise;
}

void read_versions(Section root, TlsSettings& tls) {
  std::string least;
  std::string most;
  if (!tls.is_enabled) {
    for (const char* key : {"min_tls_version", "max_tls_version"}) Reading::check_text(root, key);
    return;
  }
  root.read_choice("min_tls_version", least, {"", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"});
  root.read_choice("max_tls_version", most, {"", "TLSv1.2", "TLSv1.3"});
  tls.least = version_of(least, tls.least);
  tls.most = version_of(most, tls.most);
  if (tls.least > tls.most) root.problem("max_tls_version", "is older than min_tls_version");
}

void read_certificate(Section section, TlsSettings& tls) {
  TlsSettings::Pair pair;
  read_pem_source(section, "cert_chain", pair.certificate);
  read_pem_source(section, "private_key", pair.key);
  section.read("ocsp_response_file", pair.ocsp_response_file);
  if (!tls.is_enabled) return;
  if (!pair.certificate.is_set()) section.problem("cert_chain", "is required");
  if (!pair.key.is_set()) section.problem("private_key", "is required");
  if (!pair.certificate.is_set() || !pair.key.is_set()) return;
  const auto certificate = pair.certificate.read();
  const auto key = pair.key.read();
  if (!certificate) section.problem("cert_chain_file", certificate.error().detail);
  if (!key) section.problem("private_key_file", key.error().detail);
  if (!certificate || !key) return;
  const Result<void> fits = tls::check_key_pair(*certificate, *key);
  if (!fits) section.problem("cert_chain", "no usable key pair: " + fits.error().detail);
  if (fits) tls.pairs.push_back(std::move(pair));
}

void read_ssl_listener(Reading& reading) {
  Section root = reading.root;
  RouterConfig& config = reading.loaded.config;
  TlsSettings& tls = config.tls;
  bool plain_disabled = false;
  root.read("enable_ssl", tls.is_enabled);
  root.read("disable_http", plain_disabled);
  root.read("ssl_port", tls.port, {.min = 1, .max = 65'535});
  config.serves_plain = !plain_disabled;
  if (!tls.is_enabled && plain_disabled) {
    root.problem("disable_http", "neither http nor https listener is enabled");
  }
  if (tls.is_enabled && config.serves_plain && tls.port == config.port) {
    root.problem("ssl_port", "is the plain port as well");
  }
  read_versions(root, tls);
  read_cipher_suites(reading, tls);
  const std::vector<Section> pairs = root.list("tls_pem");
  if (tls.is_enabled && pairs.empty()) root.problem("tls_pem", "is required by enable_ssl");
  for (const Section& pair : pairs) read_certificate(pair, tls);
  read_tls_clients(reading);

  Section more = root.section("frontend_tls");
  more.read("handshake_timeout", config.settings.frontend_handshake_timeout);
  more.read("handshakes_per_second", config.settings.frontend_handshakes_per_second,
            {.min = 0, .max = 1'000'000});
  more.read("reload_interval", tls.reload_interval);
  more.read("expiry_warning", tls.expiry_warning);
  more.read("session_ticket_key_file", tls.ticket_key_file);
}

void read_health_listener(Reading& reading) {
  Section status = reading.root.section("status");
  Section listener = status.section("tls");
  RouterConfig& config = reading.loaded.config;
  status.read("enable_nontls_health_checks", config.serves_plain_status);
  listener.read("port", config.status_tls_port, {.min = 1, .max = 65'535});
  // A port alone, which is gorouter's default, asks for nothing.
  const bool asked =
      listener.has("certificate") || listener.has("key") || config.status_tls_port != 8443;
  if (asked) {
    Reading::read_pair(listener, {"certificate", "key", true}, config.status_tls.certificate_pem,
                       config.status_tls.key_pem);
  } else if (!config.serves_plain_status) {
    status.problem("enable_nontls_health_checks",
                   "neither TLS nor non-TLS health endpoints are enabled");
  }
}

void read_metrics_listener(Reading& reading) {
  Section section = reading.root.section("prometheus");
  auto& files = reading.loaded.config.prometheus_tls;
  section.read("cert_path", files.certificate);
  section.read("key_path", files.key);
  section.read("ca_path", files.authorities);
  if (files.certificate.empty()) {
    files = {};
    return;
  }
  if (files.key.empty()) section.problem("key_path", "is required by cert_path");
  if (files.authorities.empty()) section.problem("ca_path", "is required by cert_path");
}

}  // namespace

void read_pem_source(Section section, const std::string& key, PemSource& source) {
  section.read(key, source.text);
  section.read(key + "_file", source.file);
  if (!source.text.empty() && !source.file.empty()) {
    section.problem(key + "_file", "cannot stand beside " + key);
  }
}

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
  read_metrics_listener(reading);

  RouterConfig& config = reading.loaded.config;
  root.read("enable_http2", config.settings.enable_http2);
  config.tls.offers_protocols = config.settings.enable_http2;
}

}  // namespace causeway::router
