#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::router {

// The key that a secret of the configuration stands for (16 bytes). Slow on purpose: once at start.
using ServiceKey = std::array<std::byte, 16>;
ServiceKey derive_service_key(std::string_view secret);

// What a signature says: which request was sent to the service, and when.
struct ServiceVisit {
  std::string forwarded_url;
  int64_t requested_unix_ns = 0;
};

// Makes and checks the signed headers of route services (gorouter.md section 9): AES-128-GCM over
// JSON, so that only routers with the secret can make one. Owner: a worker's workbench. Thread: its
// worker's.
class ServiceSigner {
 public:
  struct Headers {
    std::string signature;  // X-CF-Proxy-Signature
    std::string metadata;   // X-CF-Proxy-Metadata
  };
  // `former_key`: of the secret before a rotation; checks only.
  ServiceSigner(const ServiceKey& key, const std::optional<ServiceKey>& former_key,
                Duration lifetime);
  ~ServiceSigner();

  Headers sign(const ServiceVisit& visit) const;

  // Fault::timeout when the visit was too long ago, Fault::invalid when it is not one of ours; the
  // detail says it to people.
  Result<ServiceVisit> check(std::string_view signature, std::string_view metadata,
                             int64_t now_unix_ns) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
  const Duration lifetime_;
};

}  // namespace causeway::router
