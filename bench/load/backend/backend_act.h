#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace causeway::load {

// What a backend does with one request, as its path asks for. A value.
struct BackendAct {
  enum class Kind : uint8_t {
    standard,   // as the backend's options say
    bytes,      // /bytes/N: N bytes with their length
    chunked,    // /chunked/N: N bytes in chunks
    trailers,   // /trailers/N: the same, with trailers
    delayed,    // /delay/50ms: the standard reply, later
    drip,       // /drip/N/2s: N bytes spread over that time
    reset,      // /reset/N: N bytes of a longer body, then RST
    cut,        // /cut/N: the same, then FIN
    half_open,  // /half: a whole reply, then FIN, though it promised to keep the connection; goes
                // on reading
    hang,       // /hang: no reply
    status,     // /status/N: that status, no body
    echo,       // /echo: the request's body
    unknown,    // a malformed one of these: 400
  };
  Kind kind = Kind::standard;
  uint64_t bytes = 0;
  Duration time{};
  uint16_t status = 200;
  friend bool operator==(const BackendAct&, const BackendAct&) = default;
};

// `target` as in a request line.
BackendAct act_of(std::string_view target);

}  // namespace causeway::load
