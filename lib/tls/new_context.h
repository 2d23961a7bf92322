#pragma once

// Internal to lib/tls.

#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "base/result.h"
#include "tls/context.h"

namespace causeway::tls {

// What contexts of both sides begin with.
Result<bssl::UniquePtr<SSL_CTX>> new_context(Version least, Version most);

// Protocols of ALPN as on the wire: each with its length before it.
Result<std::string> protocols_on_the_wire(const std::vector<std::string>& protocols);

// Adds the system's authorities to those that are trusted.
Result<void> trust_system(X509_STORE* store);

}  // namespace causeway::tls
