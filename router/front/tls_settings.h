#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tls/context.h"

namespace causeway::router {

// A PEM text of the configuration, or the file that has it and is read again when it changes; or
// neither. A value.
struct PemSource {
  std::string text = {};
  std::string file = {};

  bool is_set() const { return !text.empty() || !file.empty(); }
  // Fault::not_found or the like with the file's name.
  Result<std::string> read() const;
};

// What configuration says of TLS at the doors (gorouter.md section 13). A value.
struct TlsSettings {
  struct Pair {
    PemSource certificate, key;
    std::string ocsp_response_file = {};
  };
  struct Domain {
    std::string name;
    PemSource client_ca;
  };

  bool is_enabled = false;
  uint16_t port = 443;
  std::vector<Pair> pairs;  // at least one, when it is enabled
  tls::Version least = tls::Version::tls_1_2;
  tls::Version most = tls::Version::tls_1_3;
  std::vector<std::string> cipher_suites;  // those that the library has
  bool offers_protocols = true;            // ALPN; enable_http2
  tls::ServerContext::Options::ClientCertificate client_certificate =
      tls::ServerContext::Options::ClientCertificate::ignored;
  PemSource client_ca;
  bool trusts_system = true;
  std::vector<tls::SubjectRule> subject_rules;
  std::vector<Domain> domains;
  std::string ticket_key_file;
  // Files are looked at this often, and read again when they have changed; 0: only when told.
  Duration reload_interval = std::chrono::seconds(10);
  Duration expiry_warning = std::chrono::hours(30 * 24);
};

// The files that it names, each once.
std::vector<std::string> files_of(const TlsSettings& settings);

// What a context is made of: everything read, nothing checked that the context itself checks.
// `tickets`: used unless there is a key file.
Result<tls::ServerContext::Options> read_options(const TlsSettings& settings,
                                                 const std::vector<tls::TicketKey>& tickets);

}  // namespace causeway::router
