// A server that says anything at all to a client with a few requests open: nothing crashes, every
// stream ends exactly once, and what is told is in order.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "http2/client_session.h"

using namespace causeway;

namespace {

constexpr size_t streams_max = 4;

void require(bool is_true) {
  if (!is_true) std::abort();
}

struct Asker final : http2::ClientStream::Events {
  explicit Asker(ArenaBlocks& blocks) : stream(blocks) {}

  void on_reply(http::ReplyHead& head) override {
    require(!has_head && !has_ended);
    require(head.status >= 100 && head.status <= 999 && head.status != 101);
    has_head = head.status >= 200;
    size_t bytes = 0;
    for (const http::Header& line : head.headers) bytes += line.name.size() + line.value.size();
    require(bytes <= 4096);
  }
  void on_reply_body(std::string_view bytes) override {
    require(has_head && !has_ended);
    body_bytes += bytes.size();
    if (body_bytes > 100) stream.pause_reply();
  }
  void on_reply_end(const http::Headers& trailers) override {
    require(has_head && !has_ended);
    has_ended = true;
    for (const http::Header& line : trailers) require(!line.name.empty());
  }
  void on_reply_read_done() override {
    if (has_ended) stream.close();
  }
  void on_stream_failure(const http2::StreamFailure&) override {
    require(!has_ended);
    has_ended = true;
    stream.close();
  }
  void on_request_drained() override {}

  http2::ClientStream stream;
  bool has_head = false;
  bool has_ended = false;
  size_t body_bytes = 0;
};

struct Connection final : http2::ClientSession::Carrier {
  void on_output_waiting() override { has_output = true; }
  bool has_output = false;
};

void take_all(http2::ClientSession& session, std::string& output) {
  for (output.clear(); session.take_output(output, 16'384); output.clear()) {
  }
}

void ask(http2::ClientSession& session, Asker& asker, size_t which) {
  http2::FieldBlock fields;
  fields.add(":method", which == 1 ? "HEAD" : "POST");
  fields.add(":scheme", "http");
  fields.add(":authority", "app.example");
  fields.add(":path", "/");
  const bool has_body = which > 1;
  session.open(asker.stream, asker,
               {.fields = fields, .is_head = which == 1, .has_body = has_body});
  if (!has_body) return;
  asker.stream.write(std::string(which * 50'000, 'b'));
  http::Headers trailers;
  if (which == 3) trailers.add("X-Trailer", "t");
  asker.stream.end_request(trailers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  ArenaBlocks blocks;
  std::array<std::unique_ptr<Asker>, streams_max> askers;
  {
    Connection connection;
    http2::Memory memory;
    http2::ClientSession session(
        memory, connection,
        {.reply_head = {.head_bytes_max = 4096, .headers_max = 50}, .streams_max = streams_max});
    std::string output;
    // The first byte says in what portions the rest comes.
    const size_t portion = size_t{data[0]} + 1;
    for (size_t i = 0; i < streams_max; ++i) askers[i] = std::make_unique<Asker>(blocks);
    for (size_t i = 0; i < streams_max; ++i) ask(session, *askers[i], i);
    take_all(session, output);
    for (size_t at = 1; at < size && !session.has_ended(); at += portion) {
      const size_t count = portion < size - at ? portion : size - at;
      session.feed({reinterpret_cast<const char*>(data) + at, count});
      take_all(session, output);
      for (const auto& asker : askers) {
        if (asker->stream.is_open()) asker->stream.resume_reply();
      }
      if (at % 3 == 0) session.ping();
      if (askers[3]->body_bytes > 1000) askers[3]->stream.close();
      take_all(session, output);
    }
    session.fail_streams({.kind = http2::StreamFailure::Kind::closed});
    for (const auto& asker : askers) {
      require(asker->has_ended || !asker->stream.is_open());
      asker->stream.close();
    }
  }
  return 0;
}
