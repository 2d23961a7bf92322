#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/h1_head.h"
#include "http/headers.h"

namespace causeway::http {

// Fields that frame, route or authorize a message, or say what its body is: no good after it (RFC
// 9110 section 6.5.1).
bool is_forbidden_trailer(std::string_view trailer) noexcept;

// Decodes one chunked body (RFC 9112 section 7.1), strictly: CRLF only, bounded extensions, which
// are dropped. Owner: a parser, reused for each message.
class ChunkDecoder {
 public:
  // Per message. Go reads up to 16 KiB of overhead beyond a fixed share as well.
  static constexpr size_t extension_bytes_max = 16u << 10;
  static constexpr size_t trailer_bytes_max = 64u << 10;
  // Of one size, leading zeros among them (as Go).
  static constexpr unsigned size_digits_max = 16;

  enum class Found : uint8_t { nothing, body, end };
  struct Step {
    Found found = Found::nothing;  // nothing: all bytes are used and more are needed
    std::string_view body;         // found == body: a piece of `bytes`
  };
  // Takes what belongs to the body off the front of `bytes`, up to the next piece or the end. An
  // error has no side and status yet.
  Result<Step> next(std::string_view& bytes, size_t trailers_max, Arena& arena);
  // After Found::end. Fields that frame or route a message are left out (RFC 9110 section 6.5.1).
  const Headers& trailers() const noexcept { return trailers_; }
  void clear();

 private:
  enum class State : uint8_t {
    size_first,
    size,
    blank,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_first,
    trailer_lf,
    trailers,
    end
  };
  bool on_size_digit(char c);
  // Everything but data and trailers: one byte; false when it is wrong.
  bool on_framing(char c);
  Result<void> on_trailers(std::string_view& bytes, size_t trailers_max, Arena& arena);

  State state_ = State::size_first;
  uint64_t left_ = 0;         // of the present chunk
  unsigned size_digits_ = 0;  // read of it
  size_t extension_bytes_ = 0;
  HeadCollector collector_;
  Headers trailers_;
};

}  // namespace causeway::http
