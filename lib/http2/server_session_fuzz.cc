// A server's session under any bytes of a client, cut anywhere, answered in all ways: no CHECK
// breaks, every stream that was opened closes once, what is queued and unread stays within its
// bounds.
//
// Input: a byte (the length of the pieces), a byte (how requests are answered), then the client's
// bytes after its preface.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http2/server_session.h"

using namespace causeway;

namespace {

constexpr size_t input_bytes_max = 65'536;

struct FuzzServer;

struct FuzzStream final : http2::ServerStream {
  explicit FuzzStream(FuzzServer& s) : server(s) {}
  Arena& head_arena() override { return arena; }
  void on_body(std::string_view bytes) override { unread += bytes.size(); }
  void on_fed() override;
  void on_drained() override {}
  void on_closed(bool) override {
    CHECK(!was_closed);
    was_closed = true;
  }

  FuzzServer& server;
  Arena arena;
  size_t unread = 0;
  bool was_answered = false;
  bool was_closed = false;
};

struct FuzzServer final : http2::ServerSession::Events {
  explicit FuzzServer(uint8_t w) : way(w), session(memory, *this, limits()) {}
  static http2::ServerLimits limits() {
    http2::ServerLimits limits;
    limits.streams_max = 20;
    limits.head_bytes_max = 4096;
    limits.head_lines_max = 50;
    limits.floods = {.idle_frames_burst = 100, .broken_streams_burst = 20};
    return limits;
  }
  http2::ServerStream& on_stream() override {
    streams.push_back(std::make_unique<FuzzStream>(*this));
    return *streams.back();
  }
  void on_output_waiting() override {}
  void on_violation(bool) override {}

  uint8_t way;
  http2::Memory memory;
  std::vector<std::unique_ptr<FuzzStream>> streams;
  http2::ServerSession session;
  http::Headers fields;
};

void FuzzStream::on_fed() {
  const unsigned way = server.way;
  CHECK(!was_closed && unread <= (1u << 20));
  if (refusal() == 0) {
    CHECK(!head().method.empty() && !head().target.empty());
    for (const http::Header& line : head().headers) {
      CHECK(!line.name.empty() && line.name.front() != ':');
      CHECK(line.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    }
  }
  if (way % 2 == 0) {
    consume(unread);
    unread = 0;
  }
  if (was_answered || (way % 3 == 0 && !is_request_whole())) return;
  was_answered = true;
  http::Headers& fields = server.fields;
  fields.clear();
  fields.add("Server", "fuzz");
  if (way % 5 == 0) interim(103, fields);
  if (way % 7 == 0) return reset(http2::ErrorCode::cancel);
  reply(200, fields, way % 11 == 0);
  if (way % 11 == 0) return;
  write(std::string(way * 300, 'x'));
  if (way % 13 == 0) return cut();
  if (way % 4 == 0) fields.clear();
  end(fields);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2 || size > input_bytes_max) return 0;
  const size_t piece_bytes = size_t{bytes[0]} + 1;
  FuzzServer server(bytes[1]);
  std::string input(http2::kClientPreface);
  input.append(reinterpret_cast<const char*>(bytes + 2), size - 2);
  Instant now = Instant{} + std::chrono::seconds(1);
  std::string out;
  for (size_t at = 0; at < input.size() && !server.session.is_over(); at += piece_bytes) {
    server.session.feed(std::string_view(input).substr(at, piece_bytes), now);
    now += std::chrono::milliseconds(1);
    out.clear();
    while (server.session.take_output(out, 16'384)) out.clear();
    CHECK(server.session.streams() <= 21);
  }
  if (bytes[1] % 16 == 1) {
    server.session.announce_shutdown();
    server.session.shutdown();
    while (server.session.take_output(out, 16'384)) out.clear();
  }
  server.session.close_streams();
  for (const auto& stream : server.streams) CHECK(stream->was_closed && !stream->is_open());
  CHECK(server.session.queued_bytes() == 0);
  return 0;
}
