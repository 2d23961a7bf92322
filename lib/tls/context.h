#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/key_pair.h"

namespace causeway::tls {

enum class Version : uint8_t { tls_1_2, tls_1_3 };

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

// The same of a server: one certificate for all names. Sessions are resumed by tickets, under keys
// that live and are changed inside the context.
class ServerContext {
 public:
  struct Options {
    KeyPair key_pair = {};
    // In the order of the server's preference; without one in common none is used.
    std::vector<std::string> alpn = {};
    enum class ClientCertificate : uint8_t {
      ignored,
      requested,
      required
    } client_certificate = ClientCertificate::ignored;
    std::string client_ca_pem = {};  // who signs clients' certificates, where they are looked at
    Version least = Version::tls_1_2, most = Version::tls_1_3;
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
