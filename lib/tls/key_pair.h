#pragma once

#include <string_view>

#include "base/result.h"

namespace causeway::tls {

// Whether a PEM certificate chain (leaf first) and a PEM private key can serve TLS together.
// Fault::invalid with a reason for people when one cannot be read, is of a kind TLS cannot use, or
// they do not belong together. Says nothing about trust or expiry. Any thread.
Result<void> check_key_pair(std::string_view certificate_pem, std::string_view key_pem);

}  // namespace causeway::tls
