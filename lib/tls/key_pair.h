#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::tls {

// A PEM certificate chain (leaf first) and its PEM private key.
struct KeyPair {
  std::string certificate_pem, key_pem;
};

// Whether a PEM certificate chain (leaf first) and a PEM private key can serve TLS together.
// Fault::invalid with a reason for people when one cannot be read, is of a kind TLS cannot use, or
// they do not belong together. Says nothing about trust or expiry. Any thread.
Result<void> check_key_pair(std::string_view certificate_pem, std::string_view key_pem);

// A fresh P-256 key and a certificate signed by itself, for `names` (host names and IP addresses),
// valid from now for `lifetime`: for tools and tests, and as its own CA. Any thread.
KeyPair make_self_signed(const std::vector<std::string>& names,
                         Duration lifetime = std::chrono::hours(24));

}  // namespace causeway::tls
