#pragma once

#include <cstdint>

#include "base/error.h"

namespace causeway::tls {

// Why TLS failed, where it matters to who uses it.
enum class Trouble : uint8_t {
  none,                 // not a failure of TLS
  untrusted,            // the peer's certificate: of nobody known, expired, or not for this use
  wrong_name,           // the peer's certificate is somebody else's
  refused_certificate,  // the peer knows nobody who signed ours, or misses one
  other,
};

// Of a failure of a Handshake or of a stream that came of one.
Trouble trouble_of(const Error& error) noexcept;

}  // namespace causeway::tls
