#pragma once

// Internal to lib/tls.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include "base/result.h"
#include "tls/context.h"

namespace causeway::tls {

// What is demanded of clients that ask for certain names.
struct ClientPolicy {
  std::string domain;  // "a.example.com", "*.example.com", "" for all other names
  int verify_mode = SSL_VERIFY_NONE;
  bssl::UniquePtr<X509_STORE> authorities;
  bssl::UniquePtr<STACK_OF(X509_NAME)> authority_names;  // told to clients; null: any
  std::vector<SubjectRule> rules;
  // Sessions are resumed under the policy they began under, and no other.
  std::array<uint8_t, 32> id{};

  static Result<ClientPolicy> make(std::string domain,
                                   ServerContext::Options::ClientCertificate wanted,
                                   const std::string& ca_pem, bool trusts_system,
                                   std::vector<SubjectRule> rules);
  bool allows(STACK_OF(X509) * chain) const;
};

// What a server decides during handshakes. Immutable. Owner: the SSL_CTX of the first certificate,
// which every connection holds, so that it lives as long as there is one.
struct ServerPolicy {
  // The certificates of a name, one for each kind of key.
  struct Choice {
    SSL_CTX* ecdsa = nullptr;
    SSL_CTX* other = nullptr;
    uint16_t ecdsa_algorithm = 0;  // that a client must know: of TLS 1.3 for the curve of its key
  };

  std::string alpn;  // as on the wire
  bool refuses_other_protocols = false;
  bool has_tls_1_3 = false;
  std::vector<bssl::UniquePtr<SSL_CTX>> more;  // of all certificates but the first
  Choice first;
  std::map<std::string, Choice, std::less<>> by_name;      // word for word
  std::map<std::string, Choice, std::less<>> by_wildcard;  // ".example.com"
  ClientPolicy clients;
  std::vector<ClientPolicy> domains;
  std::vector<TicketKey> ticket_keys;

  static const ServerPolicy& of(const SSL* ssl);
  const Choice& choice(std::string_view server_name) const;
  const ClientPolicy& client_policy(std::string_view server_name) const;
};

// SNI in lower case; "" when there is none.
std::string server_name_of(const SSL* ssl);

}  // namespace causeway::tls
