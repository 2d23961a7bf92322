#include "http/h1_writer.h"

#include <gtest/gtest.h>

#include "http/headers.h"

using namespace causeway::http;

namespace {

TEST(H1Writer, heads) {
  Headers headers;
  headers.add("Host", "a");
  headers.add("x-Odd", "");
  std::string out = "kept ";
  append_request_head(out, "GET", "/x?y", {1, 1}, headers);
  EXPECT_EQ(out, "kept GET /x?y HTTP/1.1\r\nHost: a\r\nx-Odd: \r\n\r\n");
  out.clear();
  append_reply_head(out, 299, "", {1, 0}, headers);
  EXPECT_EQ(out, "HTTP/1.0 299 \r\nHost: a\r\nx-Odd: \r\n\r\n");
}

TEST(H1Writer, chunks) {
  EXPECT_EQ(chunk_head(26).view(), "1a\r\n");
  EXPECT_EQ(chunk_head(~uint64_t{0}).view(), "ffffffffffffffff\r\n");
  std::string out;
  append_last_chunk(out, {});
  EXPECT_EQ(out, kLastChunk);
  Headers trailers;
  trailers.add("X", "1");
  out.clear();
  append_last_chunk(out, trailers);
  EXPECT_EQ(out, "0\r\nX: 1\r\n\r\n");
}

}  // namespace
