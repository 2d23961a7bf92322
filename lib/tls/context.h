#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/key_pair.h"
#include "tls/subject.h"
#include "tls/ticket_keys.h"

namespace causeway::tls {

enum class Version : uint8_t { tls_1_0, tls_1_1, tls_1_2, tls_1_3 };

// What all connections of a client have in common: whom to trust, what to show. Immutable once
// made, so any thread may use it for handshakes; they and their streams keep what they need of it,
// and may outlive it. Owner: whoever connects (a snapshot may share it).
class ClientContext {
 public:
  struct Options {
    enum class Verify : uint8_t { peer, none } verify = Verify::peer;
    std::string ca_pem = {};               // whom to trust; empty: the system's authorities
    std::optional<KeyPair> key_pair = {};  // shown to servers that ask
    std::vector<std::string> alpn = {};    // protocols offered, the preferred one first
    Version least = Version::tls_1_2, most = Version::tls_1_3;
  };

  // Fault::invalid with a reason for people.
  static Result<std::unique_ptr<ClientContext>> make(const Options& options);
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;
  ~ClientContext();

  // For lib/tls.
  struct State;
  const State& state() const { return *state_; }

 private:
  explicit ClientContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The same of a server: certificates by the name that a client asks for (SNI), what clients must
// show, how sessions are resumed.
class ServerContext {
 public:
  struct Certificate {
    KeyPair key_pair = {};
    std::string ocsp_response = {};  // DER, stapled to the certificate; empty: none
  };
  // Whom the certificates of clients must convince under a certain name instead of under all
  // others.
  struct Domain {
    std::string name;           // "a.example.com" or, for one label, "*.example.com"
    std::string client_ca_pem;  // a certificate of one of these is required
  };
  struct Options {
    // Of names that no other one has, and of clients that ask for none.
    KeyPair key_pair = {};
    std::string ocsp_response = {};
    // A name's certificate is the first one that has it word for word, else the first one with a
    // wildcard for its first label. Where there is one with an ECDSA key and one with an RSA key, a
    // client gets the former if it can use it.
    std::vector<Certificate> more_certificates = {};
    // In the order of the server's preference; without one in common none is used, or the client is
    // refused.
    std::vector<std::string> alpn = {};
    bool refuses_other_protocols = false;
    enum class ClientCertificate : uint8_t {
      ignored,
      requested,
      required
    } client_certificate = ClientCertificate::ignored;
    std::string client_ca_pem = {};  // who signs clients' certificates, where they are looked at
    bool trusts_system = false;      // beside them, the system's authorities
    std::vector<SubjectRule> subject_rules = {};
    std::vector<Domain> domains = {};
    Version least = Version::tls_1_2, most = Version::tls_1_3;
    // Up to TLS 1.2, by OpenSSL's or IANA's names, the preferred one first; empty: the library's.
    std::vector<std::string> cipher_suites = {};
    // The first one seals tickets, all open them. Empty: some of the context's own.
    std::vector<TicketKey> ticket_keys = {};
  };

  // Fault::invalid with a reason for people.
  static Result<std::unique_ptr<ServerContext>> make(const Options& options);
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;
  ~ServerContext();

  // For lib/tls.
  struct State;
  const State& state() const { return *state_; }

 private:
  explicit ServerContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace causeway::tls
