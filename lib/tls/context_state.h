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
  struct Offered {
    bssl::UniquePtr<SSL_CTX> context;  // whose certificates it stands for
    bssl::UniquePtr<SSL_SESSION> session;
  };
  std::map<std::string, std::vector<Offered>> sessions;

  void put(const std::string& name, SSL_CTX* context, bssl::UniquePtr<SSL_SESSION> session);
  // The newest one of that name and context; taken out when it is to be used once only.
  bssl::UniquePtr<SSL_SESSION> take(const std::string& name, const SSL_CTX* context);
};

}  // namespace causeway::tls
