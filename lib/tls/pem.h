#pragma once

// Internal to lib/tls.

#include <string_view>
#include <vector>

#include <openssl/ssl.h>

#include "base/result.h"

namespace causeway::tls {

// The invalid-input error with BoringSSL's reason, whose queue it empties.
Error rejected(std::string what);

// Gives a context a PEM chain (leaf first) and its PEM key.
Result<void> use_key_pair(SSL_CTX* context, std::string_view certificate_pem,
                          std::string_view key_pem);

// Each certificate of a PEM text. Fault::invalid when it holds none or one cannot be read.
Result<std::vector<bssl::UniquePtr<X509>>> parse_certificates(std::string_view pem);

// Adds each certificate of a PEM text to those that are trusted. Fault::invalid when it holds none.
Result<void> trust_certificates(SSL_CTX* context, std::string_view ca_pem);
Result<void> trust_certificates(X509_STORE* store, std::string_view ca_pem);

}  // namespace causeway::tls
