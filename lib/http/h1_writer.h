#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"

namespace causeway::http {

// Append the wire form of a head to `out`, which callers reuse so that it does not allocate in the
// steady state. All lines of `headers` are written as they stand: framing lines are the caller's.
void append_request_head(std::string& out, std::string_view method, std::string_view target,
                         Version version, const Headers& headers);
void append_reply_head(std::string& out, uint16_t status, std::string_view reason, Version version,
                       const Headers& headers);
void append_status_line(std::string& out, uint16_t status, std::string_view reason,
                        Version version);
void append_header(std::string& out, std::string_view name, std::string_view value);

// Chunked coding (RFC 9112 section 7.1): "1a\r\n" before the bytes of a chunk, "\r\n" after it,
// then the last chunk with trailers.
struct ChunkHead {
  char bytes[20];
  uint8_t size;
  std::string_view view() const { return {bytes, size}; }
};
ChunkHead chunk_head(uint64_t bytes);
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";
void append_last_chunk(std::string& out, const Headers& trailers);

}  // namespace causeway::http
