#include "tls/version.h"

#include <openssl/crypto.h>

namespace causeway::tls {

#ifndef OPENSSL_IS_BORINGSSL
#error "lib/tls is built against BoringSSL's headers"
#endif

std::string_view library_version() noexcept { return "BoringSSL " CAUSEWAY_BORINGSSL_VERSION; }

}  // namespace causeway::tls
