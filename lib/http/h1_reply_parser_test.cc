#include <string>

#include <gtest/gtest.h>

#include "http/h1_parser.h"

using namespace causeway;
using namespace causeway::http;

namespace {

class ReplyReader : public ReplyParser::Events {
 public:
  explicit ReplyReader(std::string_view method = "GET", HeadLimits limits = {})
      : parser(arena, limits, *this) {
    parser.expect(method);
  }

  void on_reply(ReplyHead& h) override {
    statuses += std::to_string(h.status) + " ";
    head = &h;
  }
  void on_reply_body(std::string_view bytes) override { body += bytes; }
  void on_reply_end(const Headers& t) override {
    ++ends;
    for (const Header& line : t)
      trailers += std::string(line.name) + "=" + std::string(line.value) + ";";
  }
  Result<size_t> read(std::string_view text, size_t step = 0) {
    size_t used = 0;
    while (used < text.size() && !parser.is_complete()) {
      auto fed = parser.feed(text.substr(used, step == 0 ? std::string_view::npos : step));
      if (!fed) return fed;
      used += *fed;
    }
    return used;
  }

  Arena arena;
  ReplyHead* head = nullptr;
  std::string statuses, body, trailers;
  int ends = 0;
  ReplyParser parser;
};

TEST(ReplyParser, reads_a_reply_whole_and_byte_by_byte) {
  const std::string text = "HTTP/1.1 200 Fine thanks\r\nContent-Length: 5\r\nX: y\r\n\r\nhello";
  for (const size_t step : {0, 1, 3}) {
    ReplyReader reader;
    auto used = reader.read(text + "HTTP", step);
    ASSERT_TRUE(used);
    EXPECT_GE(*used, text.size());
    EXPECT_EQ(reader.head->status, 200);
    EXPECT_EQ(reader.head->reason, "Fine thanks");
    EXPECT_EQ(reader.head->framing, Framing::length);
    EXPECT_TRUE(reader.head->keep_alive);
    EXPECT_EQ(reader.body, "hello");
    EXPECT_EQ(reader.ends, 1);
    EXPECT_TRUE(reader.parser.finish());
  }
}

TEST(ReplyParser, interim_replies_come_before_the_real_one) {
  ReplyReader reader;
  ASSERT_TRUE(
      reader.read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: "
                  "x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
                  1));
  EXPECT_EQ(reader.statuses, "100 103 204 ");
  EXPECT_EQ(reader.ends, 1);
}

TEST(ReplyParser, a_101_leaves_the_tunnels_bytes) {
  ReplyReader reader;
  const std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: upgrade\r\n\r\n";
  auto used = reader.read(head + "tunnel");
  ASSERT_TRUE(used);
  EXPECT_EQ(*used, head.size());
  EXPECT_TRUE(reader.parser.is_complete());
}

TEST(ReplyParser, a_body_without_length_ends_with_the_connection) {
  ReplyReader reader;
  ASSERT_TRUE(reader.read("HTTP/1.1 200 OK\r\n\r\nall of it"));
  EXPECT_EQ(reader.head->framing, Framing::until_close);
  EXPECT_FALSE(reader.head->keep_alive);
  EXPECT_EQ(reader.ends, 0);
  ASSERT_TRUE(reader.parser.finish());
  EXPECT_EQ(reader.body, "all of it");
  EXPECT_EQ(reader.ends, 1);
}

TEST(ReplyParser, an_end_before_the_end_is_a_failure) {
  for (const auto* text :
       {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n"}) {
    ReplyReader reader;
    ASSERT_TRUE(reader.read(text));
    EXPECT_EQ(reader.parser.has_begun(), *text != '\0');
    auto finished = reader.parser.finish();
    ASSERT_FALSE(finished) << text;
    EXPECT_EQ(finished.error().fault, Fault::closed);
    EXPECT_EQ(reader.ends, 0);
  }
}

TEST(ReplyParser, no_body_after_head_204_304) {
  ReplyReader head("HEAD");
  ASSERT_TRUE(head.read("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"));
  EXPECT_EQ(head.ends, 1);
  EXPECT_EQ(head.head->headers.get("content-length"), "50");
  for (const auto* status : {"204", "304"}) {
    ReplyReader reader;
    ASSERT_TRUE(reader.read("HTTP/1.1 " + std::string(status) + " X\r\nContent-Length: 5\r\n\r\n"));
    EXPECT_EQ(reader.ends, 1);
    EXPECT_TRUE(reader.head->keep_alive);
  }
  ReplyReader connect("CONNECT");
  ASSERT_TRUE(connect.read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_FALSE(connect.parser.is_complete());
}

TEST(ReplyParser, chunks_and_trailers) {
  ReplyReader reader;
  ASSERT_TRUE(
      reader.read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
                  "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
                  1));
  EXPECT_EQ(reader.body, "abc");
  EXPECT_EQ(reader.trailers, "X-T=1;");
  EXPECT_FALSE(reader.head->headers.has("content-length"));
}

TEST(ReplyParser, keep_alive_by_version_and_connection) {
  struct Row {
    const char* head;
    bool keep_alive;
  };
  for (const Row& row : {Row{"HTTP/1.1 204 X\r\n\r\n", true}, Row{"HTTP/1.0 204 X\r\n\r\n", false},
                         Row{"HTTP/1.0 204 X\r\nConnection: keep-alive\r\n\r\n", true},
                         Row{"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n", false}}) {
    ReplyReader reader;
    ASSERT_TRUE(reader.read(row.head));
    EXPECT_EQ(reader.head->keep_alive, row.keep_alive) << row.head;
  }
}

TEST(ReplyParser, status_lines) {
  for (const auto* good :
       {"HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 299 Odd\r\n\r\n",
        "HTTP/1.0 999 X\r\n\r\n", "HTTP/1.1 200 OK\n\n"}) {
    ReplyReader reader("HEAD");
    EXPECT_TRUE(reader.read(good)) << good;
    EXPECT_EQ(reader.ends, 1) << good;
  }
  for (const auto* bad :
       {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 -10 X\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n", "\r\n\r\n", "\n\n", "HTTP/1.1 200 O\rK\r\n\r\n",
        "<html>\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n"}) {
    ReplyReader reader;
    auto read = reader.read(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().side, Side::backend);
    EXPECT_EQ(read.error().os, 502);
  }
}

TEST(ReplyParser, limits) {
  ReplyReader many("GET", {.head_bytes_max = 1000, .headers_max = 1});
  auto read = many.read("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::limit);
  ReplyReader large("GET", {.head_bytes_max = 100, .headers_max = 10});
  read = large.read("HTTP/1.1 200 OK\r\nA: " + std::string(200, 'a'), 10);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::limit);
}

TEST(ReplyParser, is_used_again_and_again) {
  ReplyReader reader;
  for (int i = 0; i < 3; ++i) {
    reader.arena.reset();
    reader.parser.expect("GET");
    EXPECT_FALSE(reader.parser.has_begun());
    ASSERT_TRUE(reader.read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"));
  }
  EXPECT_EQ(reader.body, "aaa");
  EXPECT_EQ(reader.ends, 3);
}

}  // namespace
