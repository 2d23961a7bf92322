#pragma once

// Internal to lib/tls.

#include <map>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "tls/context.h"
#include "tls/handshake.h"

namespace causeway::tls {

struct ClientContext::State {
  bssl::UniquePtr<SSL_CTX> context;
};

struct ServerContext::State {
  bssl::UniquePtr<SSL_CTX> context;  // of the first certificate; owns the ServerPolicy
};

struct SessionCache::State {
  static constexpr size_t each_max = 8;  // a TLS 1.3 server offers two for each handshake
  static constexpr size_t names_max = 10'000;
  std::map<std::string, std::vector<bssl::UniquePtr<SSL_SESSION>>> sessions;

  void put(const std::string& name, bssl::UniquePtr<SSL_SESSION> session);
  // The newest one of that name; taken out when it is to be used once only.
  bssl::UniquePtr<SSL_SESSION> take(const std::string& name);
};

}  // namespace causeway::tls
