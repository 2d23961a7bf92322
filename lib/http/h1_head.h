#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/h1_parser.h"
#include "http/headers.h"

// What both H1 parsers share: finding the end of a head, and reading its field lines.
namespace causeway::http {

// Gathers the bytes of one head (or trailer section) up to its empty line, and looks for what line
// ends can smuggle. Owner: a parser.
class HeadCollector {
 public:
  struct Taken {
    size_t used = 0;
    std::span<char> head;  // in the arena, with its empty line; no data until complete
  };
  // `bytes_max`: Fault::limit when the head is longer.
  Result<Taken> take(std::string_view bytes, size_t bytes_max, Arena& arena);
  // How many bytes of empty lines before a request to leave out (RFC 9112 section 2.2).
  size_t skip_empty_lines(std::string_view bytes);
  bool has_begun() const noexcept { return !pending_.empty(); }
  void clear();

 private:
  size_t find_end(std::string_view text);
  Result<std::span<char>> vetted(std::string_view head, Arena& arena) const;

  std::string pending_;  // of a head that came in several pieces
  size_t scanned_ = 0;   // bytes of it that find_end() is through with
  size_t lines_ = 0;
  bool odd_ = false;  // it has a bare LF or a folded line
};

// The field lines of a message, as far as they say how its body is framed.
struct FieldFacts {
  uint64_t content_length = 0;
  bool has_content_length = false;
  uint16_t transfer_encodings = 0;  // lines
  bool chunked = false;             // the only coding is "chunked"
  uint16_t hosts = 0;               // lines
  std::string_view host;
  bool expect_continue = false;
  bool connection_close = false;
  bool connection_keep_alive = false;
  bool upgrade = false;  // "Connection: upgrade" and an Upgrade line
};

// `block`: field lines that end in CRLF and the empty line, in memory that lives as long as
// `headers`. Identical Content-Length lines become one. An error has no side and status yet.
Result<FieldFacts> parse_fields(std::span<char> block, size_t headers_max, Headers& headers);

// "token", "HTTP/1.1" and the like.
bool is_token(std::string_view text) noexcept;
bool parse_version(std::string_view text, Version& version) noexcept;

// Takes the framing out of the facts: chunked wins over a length, whose line is then removed.
Framing framing_of(const FieldFacts& facts, Headers& headers);

}  // namespace causeway::http
