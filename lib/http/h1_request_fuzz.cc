// Any bytes: the parser never breaks a CHECK, sees the same requests however the bytes are cut, and
// what it accepts comes out the same when it is written and parsed again.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"

using namespace causeway;
using namespace causeway::http;

namespace {

class RequestTrace : public RequestParser::Events {
 public:
  void on_request(RequestHead& head) override {
    text += "head " + wire(head) + "|" + std::to_string(static_cast<int>(head.framing)) + " " +
            std::to_string(head.content_length) + (head.keep_alive ? " k" : "") +
            (head.upgrade ? " u" : "") + "\n";
    if (head.framing == Framing::chunked) CHECK(!head.headers.has("content-length"));
    check_writes_back(head);
  }
  void on_request_body(std::string_view bytes) override {
    CHECK(!bytes.empty());
    text += bytes;
  }
  void on_request_end(const Headers& trailers) override {
    text += "\nend";
    for (const Header& line : trailers)
      text.append(line.name).append("=").append(line.value).append(";");
    text += "\n";
  }

  void run(std::string_view bytes, size_t step) {
    RequestParser parser(arena, {.head_bytes_max = 4096, .headers_max = 50}, *this);
    while (!bytes.empty()) {
      const auto fed = parser.feed(bytes.substr(0, step));
      if (!fed) {
        text += "error " + std::to_string(fed.error().os);
        return;
      }
      bytes.remove_prefix(*fed);
      if (parser.is_complete()) {
        parser.next_request();
        arena.reset();
      } else {
        CHECK(*fed > 0);
      }
    }
  }

  std::string text;

 private:
  static std::string wire(const RequestHead& head) {
    std::string out;
    append_request_head(out, head.method, head.target, head.version, head.headers);
    return out;
  }
  static void check_writes_back(const RequestHead& head) {
    class HeadOnly : public RequestParser::Events {
     public:
      void on_request(RequestHead& h) override { again = wire(h); }
      void on_request_body(std::string_view) override {}
      void on_request_end(const Headers&) override {}
      std::string again;
    } events;
    Arena memory;
    RequestParser parser(memory, {}, events);
    const std::string first = wire(head);
    CHECK(parser.feed(first));
    CHECK(events.again == first);
    CHECK(parser.head().framing == head.framing);
    CHECK(parser.head().content_length == head.content_length);
  }

  Arena arena;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 20'000) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RequestTrace whole, single, pieces;
  whole.run(bytes, std::string_view::npos);
  single.run(bytes, 1);
  pieces.run(bytes, 7);
  CHECK(whole.text == single.text);
  CHECK(whole.text == pieces.text);
  return 0;
}
