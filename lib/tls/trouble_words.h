#pragma once

// Internal to lib/tls.

#include <cstdint>
#include <string_view>

#include "tls/trouble.h"

namespace causeway::tls {

// Of BoringSSL's error code and its verdict on the peer's certificate.
Trouble trouble_of_library(uint32_t code, long verified) noexcept;

// What the detail of such a failure begins with.
std::string_view words_of(Trouble trouble) noexcept;

}  // namespace causeway::tls
