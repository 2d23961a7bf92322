#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http/h1_parser.h"

using namespace causeway;
using namespace causeway::http;

namespace {

// Feeds bytes and keeps what came out, in the pieces given.
class RequestReader : public RequestParser::Events {
 public:
  explicit RequestReader(HeadLimits limits = {}) : parser(arena, limits, *this) {}

  void on_request(RequestHead& h) override {
    ++heads;
    head = &h;
  }
  void on_request_body(std::string_view bytes) override { body += bytes; }
  void on_request_end(const Headers& t) override {
    ++ends;
    for (const Header& line : t)
      trailers += std::string(line.name) + "=" + std::string(line.value) + ";";
  }

  // The whole text, `step` bytes at a time (0: at once). Stops at an error or at the request's end.
  Result<size_t> read(std::string_view text, size_t step = 0) {
    size_t used = 0;
    while (used < text.size() && !parser.is_complete()) {
      auto fed = parser.feed(text.substr(used, step == 0 ? std::string_view::npos : step));
      if (!fed) return fed;
      used += *fed;
    }
    return used;
  }
  int refusal(std::string_view text) {
    auto fed = read(text);
    return fed ? 0 : fed.error().os;
  }

  Arena arena;
  RequestHead* head = nullptr;
  std::string body, trailers;
  int heads = 0, ends = 0;
  RequestParser parser;
};

int refusal_of(std::string_view text) { return RequestReader().refusal(text); }

std::string get(std::string_view lines) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n";
}
std::string post(std::string_view lines, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(lines) + "\r\n" + std::string(body);
}

TEST(RequestParser, reads_a_request_whole_and_byte_by_byte) {
  const std::string text =
      "POST /a%20b?x=1;y HTTP/1.1\r\nHost: App.example:80\r\nX-One:  1 \r\nX-Empty:\r\nx-one: 2\r\n"
      "Content-Length: 5\r\n\r\nhello";
  for (const size_t step : {0, 1, 2, 3, 7}) {
    RequestReader reader;
    ASSERT_TRUE(reader.read(text, step)) << step;
    ASSERT_EQ(reader.heads, 1);
    EXPECT_EQ(reader.ends, 1);
    EXPECT_EQ(reader.head->method, "POST");
    EXPECT_EQ(reader.head->target, "/a%20b?x=1;y");
    EXPECT_EQ(reader.head->headers.size(), 5u);
    EXPECT_EQ(reader.head->headers.get("host"), "App.example:80");
    EXPECT_EQ(reader.head->headers.get("x-one"), "1");
    EXPECT_EQ(reader.head->headers[2].name, "X-Empty");
    EXPECT_EQ(reader.head->headers[2].value, "");
    EXPECT_EQ(reader.head->framing, Framing::length);
    EXPECT_EQ(reader.head->content_length, 5u);
    EXPECT_TRUE(reader.head->keep_alive);
    EXPECT_EQ(reader.body, "hello");
  }
}

TEST(RequestParser, gives_back_the_bytes_of_the_next_request) {
  RequestReader reader;
  const std::string text = get("") + "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n";
  auto used = reader.read(text);
  ASSERT_TRUE(used);
  EXPECT_EQ(*used, get("").size());
  reader.parser.next_request();
  reader.arena.reset();
  EXPECT_FALSE(reader.parser.has_begun());
  ASSERT_TRUE(reader.read(std::string_view(text).substr(*used)));
  EXPECT_EQ(reader.head->target, "/2");
  EXPECT_EQ(reader.ends, 2);
}

TEST(RequestParser, leaves_out_empty_lines_before_a_request) {
  for (const size_t step : {0, 1}) {
    RequestReader reader;
    ASSERT_TRUE(reader.read("\r\n\n\r\n" + get(""), step));
    EXPECT_EQ(reader.ends, 1);
  }
  EXPECT_EQ(refusal_of("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
}

TEST(RequestParser, decodes_chunks_and_trailers) {
  const std::string text = post("Transfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n",
                                "5;name=\"v\"\r\nhello\r\n00a \r\n0123456789\r\n0\r\nX-Sum: 7\r\n"
                                "Content-Length: 9\r\n\r\n");
  for (const size_t step : {0, 1, 2, 5}) {
    RequestReader reader;
    auto used = reader.read(text + "rest", step);
    ASSERT_TRUE(used) << step;
    EXPECT_GE(*used, text.size());
    EXPECT_EQ(reader.body, "hello0123456789");
    EXPECT_EQ(reader.trailers, "X-Sum=7;");
    EXPECT_EQ(reader.ends, 1);
  }
}

TEST(RequestParser, chunked_wins_over_a_length_which_is_removed) {
  for (const auto* lines : {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
                            "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"}) {
    RequestReader reader;
    ASSERT_TRUE(reader.read(post(lines, "1\r\na\r\n0\r\n\r\n")));
    EXPECT_EQ(reader.head->framing, Framing::chunked);
    EXPECT_FALSE(reader.head->headers.has("content-length"));
    EXPECT_EQ(reader.body, "a");
  }
}

TEST(RequestParser, merges_identical_lengths_and_refuses_differing_ones) {
  RequestReader reader;
  ASSERT_TRUE(reader.read(post("Content-Length: 3\r\nX: y\r\ncontent-length:  3 \r\n", "abc")));
  EXPECT_EQ(reader.body, "abc");
  EXPECT_EQ(reader.head->headers.size(), 3u);
  EXPECT_EQ(reader.head->headers.get("x"), "y");
  for (const auto* lines :
       {"Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: 3, 3\r\n",
        "Content-Length: +3\r\n", "Content-Length: -1\r\n", "Content-Length: 0x3\r\n",
        "Content-Length: 3 4\r\n", "Content-Length:\r\n", "Content-Length: 3;\r\n",
        "Content-Length: 99999999999999999999\r\n", "Content-Length: 3\r\nContent-Length:\r\n",
        "Content-Length: 3\r\nContent-Length: 03\r\n"})
    EXPECT_EQ(refusal_of(post(lines, "abc")), 400) << lines;
}

TEST(RequestParser, knows_no_other_transfer_coding) {
  for (const auto* lines :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding:\r\n"}) {
    const int status = refusal_of(post(lines, "0\r\n\r\n"));
    EXPECT_TRUE(status == 501 || status == 400) << lines << status;
  }
  EXPECT_EQ(refusal_of(post("Transfer-Encoding: gzip\r\n", "")), 501);
  EXPECT_EQ(refusal_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
}

TEST(RequestParser, refuses_what_line_ends_can_smuggle) {
  for (const auto* lines : {"X: a\rY: b\r\n", "X: a\r\rY: b\r\n", "X: a\r\n\rY: b\r\n",
                            "\rX: a\r\n", "X\r: a\r\n", "X: a\n\rY: b\n"})
    EXPECT_EQ(refusal_of(get(lines)), 400) << lines;
  EXPECT_EQ(refusal_of(get("X: a\r\r\n")), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n\tContent-Length: 5\r\nHost: a\r\n\r\n"), 400);
}

TEST(RequestParser, refuses_bad_field_lines) {
  using namespace std::string_literals;
  for (const std::string& lines :
       {"Content-Length : 5\r\n"s, "X y: 1\r\n"s, ": 1\r\n"s, "NoColon\r\n"s, "X: a\0b\r\n"s,
        "X\0: a\r\n"s, "X: a\x01\r\n"s, "X: a\x7f\r\n"s, "X(: a\r\n"s, "\xc3\xa9: a\r\n"s,
        "X\t: a\r\n"s})
    EXPECT_EQ(refusal_of(get(lines)), 400) << lines;
  RequestReader reader;
  EXPECT_TRUE(reader.read(get("X: caf\xc3\xa9\tb\r\n")));
  EXPECT_EQ(reader.head->headers.get("x"), "caf\xc3\xa9\tb");
}

TEST(RequestParser, accepts_bare_line_feeds_and_unfolds_lines) {
  for (const size_t step : {0, 1}) {
    RequestReader reader;
    ASSERT_TRUE(reader.read(
        "POST / HTTP/1.1\nHost: a\nX: 1\r\n   2 \r\n\t3\nContent-Length: 2\n\nok", step));
    EXPECT_EQ(reader.head->headers.get("x"), "1 2 3");
    EXPECT_EQ(reader.head->headers.get("host"), "a");
    EXPECT_EQ(reader.body, "ok");
  }
  RequestReader reader;
  ASSERT_TRUE(reader.read(post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")));
  EXPECT_EQ(reader.head->framing, Framing::chunked);
}

TEST(RequestParser, refuses_bad_chunks) {
  for (const auto* body :
       {"x\r\n", "\r\n", "5\nhello\r\n", "5\r\nhelloX\r\n", "5\r\nhello\n0\r\n\r\n", "-1\r\n",
        "+1\r\n", "0x5\r\n", " 5\r\n", "5\rX\r\n", "5;a\rb\r\n", "5;a\nb\r\n",
        "10000000000000000\r\n", "00000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX y: 1\r\n\r\n", "0\r\nX: 1\rY: 2\r\n\r\n", "0\r\n\rX", "5 5\r\n"})
    EXPECT_EQ(refusal_of(post("Transfer-Encoding: chunked\r\n", body)), 400) << body;
  const std::string extensions(20'000, 'e');
  EXPECT_EQ(refusal_of(post("Transfer-Encoding: chunked\r\n", "1;" + extensions + "\r\na\r\n")),
            400);
  const std::string trailer(70'000, 't');
  EXPECT_EQ(refusal_of(post("Transfer-Encoding: chunked\r\n", "0\r\nX: " + trailer + "\r\n\r\n")),
            400);
}

TEST(RequestParser, versions) {
  const auto with = [](std::string_view version) {
    return refusal_of("GET / " + std::string(version) + "\r\nHost: a\r\n\r\n");
  };
  EXPECT_EQ(with("HTTP/1.1"), 0);
  EXPECT_EQ(with("HTTP/1.0"), 0);
  EXPECT_EQ(with("HTTP/1.2"), 400);
  EXPECT_EQ(with("HTTP/2.0"), 400);
  EXPECT_EQ(with("HTTP/3.0"), 505);
  EXPECT_EQ(with("HTTP/0.9"), 505);
  for (const auto* bad :
       {"HTTP/1", "http/1.1", "HTTP/1.10", "HTTP/1.1 ", "HTP/1.1", "HTTP/a.b", ""})
    EXPECT_EQ(with(bad), 400) << bad;
  EXPECT_EQ(refusal_of("GET /\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400);
}

TEST(RequestParser, any_token_is_a_method) {
  for (const auto* method : {"get", "CONNECT", "PRI", "M-SEARCH", "X!#$%", "BREW"}) {
    RequestReader reader;
    ASSERT_TRUE(reader.read(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n")) << method;
    EXPECT_EQ(reader.head->method, method);
    EXPECT_TRUE(reader.parser.is_complete());
  }
  for (const auto* method : {"", "G(T", "G\tT", "G\xc3T"})
    EXPECT_EQ(refusal_of(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n\r\n"), 400) << method;
}

TEST(RequestParser, targets) {
  const auto with = [](std::string_view target, std::string_view method = "GET") {
    return refusal_of(std::string(method) + " " + std::string(target) +
                      " HTTP/1.1\r\nHost: a\r\n\r\n");
  };
  for (const auto* good : {"/", "//x//y/../z", "/a%2Fb", "/caf\xc3\xa9", "/?%zz", "/;a=b", "*",
                           "/#f", "http://h/p?q", "http://h", "HTTPS://h:8/", "/a|b"})
    EXPECT_EQ(with(good), 0) << good;
  for (const auto* bad : {"foo", "/%", "/%2", "/%zz", "/a b", "/a\tb", "/a\x7f", "http://", "://h/",
                          "h:80", "/a\x01"})
    EXPECT_EQ(with(bad), 400) << bad;
  EXPECT_EQ(with("h:80", "CONNECT"), 0);
}

TEST(RequestParser, host_lines) {
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.0\r\n\r\n"), 0);
  EXPECT_EQ(refusal_of(get("Host: a\r\n")), 400);
  EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0);
  for (const auto* bad : {"a b", "a/b", "a@b", "a\tb", "a?b"})
    EXPECT_EQ(refusal_of("GET / HTTP/1.1\r\nHost: " + std::string(bad) + "\r\n\r\n"), 400) << bad;
  RequestReader reader;
  auto fed = reader.read("GET / HTTP/1.1\r\n\r\n");
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().detail, "missing required Host header");
  EXPECT_EQ(fed.error().side, Side::client);
}

TEST(RequestParser, limits_apply_before_anything_is_stored) {
  RequestReader lines({.head_bytes_max = 1000, .headers_max = 3});
  EXPECT_EQ(lines.refusal(get("A: 1\r\nB: 2\r\n")), 0);
  RequestReader many({.head_bytes_max = 1000, .headers_max = 3});
  EXPECT_EQ(many.refusal(get("A: 1\r\nB: 2\r\nC: 3\r\n")), 431);
  RequestReader bytes({.head_bytes_max = 1000, .headers_max = 100});
  EXPECT_EQ(bytes.refusal(get("A: " + std::string(1000, 'x') + "\r\n")), 431);
  RequestReader endless({.head_bytes_max = 1000, .headers_max = 100});
  auto fed = endless.read("GET /" + std::string(100'000, 'x'), 100);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().os, 431);
  EXPECT_EQ(fed.error().fault, Fault::limit);
  EXPECT_LT(endless.arena.reserved_bytes(), 10'000u);
}

TEST(RequestParser, connection_wishes) {
  struct Row {
    const char* text;
    bool keep_alive, upgrade, expect;
  };
  for (const Row& row : {
           Row{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, false, false},
           Row{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, false, false},
           Row{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", false, false, false},
           Row{"GET / HTTP/1.0\r\n\r\n", false, false, false},
           Row{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, false, false},
           Row{"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ws\r\n\r\n", true,
               true, false},
           Row{"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, upgrade\r\nUpgrade: "
               "ws\r\n\r\n",
               true, true, false},
           Row{"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: ws\r\n\r\n", true, false, false},
           Row{"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 0\r\n\r\n",
               true, false, true},
       }) {
    RequestReader reader;
    ASSERT_TRUE(reader.read(row.text)) << row.text;
    EXPECT_EQ(reader.head->keep_alive, row.keep_alive) << row.text;
    EXPECT_EQ(reader.head->upgrade, row.upgrade) << row.text;
    EXPECT_EQ(reader.head->expect_continue, row.expect) << row.text;
  }
}

TEST(RequestParser, an_upgrade_leaves_the_tunnels_bytes) {
  RequestReader reader;
  const std::string head = get("Connection: upgrade\r\nUpgrade: raw\r\n");
  auto used = reader.read(head + "tunnel bytes");
  ASSERT_TRUE(used);
  EXPECT_EQ(*used, head.size());
  EXPECT_TRUE(reader.parser.is_complete());
}

}  // namespace
