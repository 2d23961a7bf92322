#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/headers.h"

namespace causeway::http {

// How the body of a message is delimited (RFC 9112 section 6).
enum class Framing : uint8_t { none, length, chunked, until_close };

struct Version {
  uint8_t major = 1;
  uint8_t minor = 1;
  friend bool operator==(const Version&, const Version&) = default;
};

// Request line and headers. Views: see who filled it for how long they live. A value that rules
// edit in place.
struct RequestHead {
  std::string_view method;
  std::string_view target;  // as received, byte for byte
  Version version;
  Headers
      headers;  // everything received, also Host, Content-Length, Transfer-Encoding, Connection ...
  Framing framing = Framing::none;
  uint64_t content_length = 0;   // framing == length
  bool keep_alive = true;        // the client's wish, by version and Connection
  bool upgrade = false;          // Connection: upgrade with an Upgrade header (any protocol)
  bool expect_continue = false;  // Expect: 100-continue

  void clear() noexcept;
};

// Status line and headers.
struct ReplyHead {
  uint16_t status = 0;
  std::string_view reason;
  Version version;
  Headers headers;
  Framing framing = Framing::none;
  uint64_t content_length = 0;
  bool keep_alive = true;  // the backend keeps the connection open

  void clear() noexcept;
};

// The standard reason phrase ("Not Found"), "" for codes without one. Lives for ever.
std::string_view reason_phrase(uint16_t status) noexcept;

// "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate) of Unix seconds into `out` (29 bytes, no
// terminator).
inline constexpr size_t kDateBytes = 29;
void format_date(int64_t unix_seconds, char* out) noexcept;

}  // namespace causeway::http
