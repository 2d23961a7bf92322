// Any bytes as replies: no broken CHECK, and the same events however the bytes are cut.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/h1_parser.h"

using namespace causeway;
using namespace causeway::http;

namespace {

class ReplyTrace : public ReplyParser::Events {
 public:
  void on_reply(ReplyHead& head) override {
    text += "head " + std::to_string(head.status) + std::string(head.reason) + "|" +
            std::to_string(static_cast<int>(head.framing)) + " " +
            std::to_string(head.content_length) + (head.keep_alive ? " k" : "") + "\n";
    for (const Header& line : head.headers)
      text.append(line.name).append("=").append(line.value).append(";");
    if (head.framing == Framing::chunked) CHECK(!head.headers.has("content-length"));
  }
  void on_reply_body(std::string_view bytes) override {
    CHECK(!bytes.empty());
    text += bytes;
  }
  void on_reply_end(const Headers& trailers) override {
    text += "\nend";
    for (const Header& line : trailers)
      text.append(line.name).append("=").append(line.value).append(";");
    text += "\n";
  }

  void run(std::string_view bytes, size_t step, std::string_view method) {
    ReplyParser parser(arena, {.head_bytes_max = 4096, .headers_max = 50}, *this);
    parser.expect(method);
    while (!bytes.empty()) {
      const auto fed = parser.feed(bytes.substr(0, step));
      if (!fed) {
        text += "error";
        return;
      }
      bytes.remove_prefix(*fed);
      if (parser.is_complete()) {
        CHECK(parser.finish());
        parser.expect(method);
        arena.reset();
      } else {
        CHECK(*fed > 0);
      }
    }
    text += parser.finish() ? "finished" : "cut off";
  }

  std::string text;

 private:
  Arena arena;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 20'000) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string_view method : {"GET", "HEAD"}) {
    ReplyTrace whole, single, pieces;
    whole.run(bytes, std::string_view::npos, method);
    single.run(bytes, 1, method);
    pieces.run(bytes, 7, method);
    CHECK(whole.text == single.text);
    CHECK(whole.text == pieces.text);
  }
  return 0;
}
