#include <string>

#include <benchmark/benchmark.h>

#include "http/h1_parser.h"
#include "http/h1_writer.h"

using namespace causeway;
using namespace causeway::http;

namespace {

constexpr std::string_view small_request = "GET /plain HTTP/1.1\r\nHost: app.example.com\r\n\r\n";
constexpr std::string_view browser_request =
    "GET /articles/42?page=3 HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: Mozilla/5.0 (X11; "
    "Linux x86_64; rv:109.0) "
    "Gecko/20100101 Firefox/115.0\r\nAccept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\nReferer: "
    "https://app.example.com/articles\r\n"
    "Connection: keep-alive\r\nCookie: JSESSIONID=0123456789abcdef; "
    "__VCAP_ID__=01234567-89ab-cdef-0123-456789abcdef\r\n"
    "Upgrade-Insecure-Requests: 1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: "
    "https\r\n\r\n";
constexpr std::string_view reply =
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: "
    "text/plain\r\n"
    "Content-Length: 13\r\nConnection: keep-alive\r\nETag: \"5f\"\r\n\r\nHello, world!";

struct Quiet : RequestParser::Events, ReplyParser::Events {
  void on_request(RequestHead&) override {}
  void on_request_body(std::string_view) override {}
  void on_request_end(const Headers&) override {}
  void on_reply(ReplyHead&) override {}
  void on_reply_body(std::string_view) override {}
  void on_reply_end(const Headers&) override {}
};

void parse_request(benchmark::State& state, std::string_view text) {
  Arena arena;
  Quiet quiet;
  RequestParser parser(arena, {}, quiet);
  for (auto _ : state) {
    benchmark::DoNotOptimize(parser.feed(text));
    parser.next_request();
    arena.reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}

void parse_reply(benchmark::State& state) {
  Arena arena;
  Quiet quiet;
  ReplyParser parser(arena, {}, quiet);
  for (auto _ : state) {
    parser.expect("GET");
    benchmark::DoNotOptimize(parser.feed(reply));
    arena.reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(reply.size()));
}

void write_request(benchmark::State& state) {
  Arena arena;
  Quiet quiet;
  RequestParser parser(arena, {}, quiet);
  benchmark::DoNotOptimize(parser.feed(browser_request));
  const RequestHead& head = parser.head();
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_request_head(out, head.method, head.target, head.version, head.headers);
    benchmark::DoNotOptimize(out.data());
  }
}

BENCHMARK_CAPTURE(parse_request, small, small_request);
BENCHMARK_CAPTURE(parse_request, browser, browser_request);
BENCHMARK(parse_reply);
BENCHMARK(write_request);

}  // namespace
