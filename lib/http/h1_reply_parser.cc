#include <algorithm>

#include "http/h1_chunked.h"
#include "http/h1_head.h"
#include "http/h1_parser.h"

namespace causeway::http {
namespace {

Error bad_reply(Fault fault) { return Error{.fault = fault, .side = Side::backend, .os = 502}; }

bool parse_status_line(std::string_view line, ReplyHead& head) {
  // "HTTP/1.1 200" at least; the reason may be empty, and its blank may be missing.
  if (line.size() < 12 || !parse_version(line.substr(0, 8), head.version) || line[8] != ' ')
    return false;
  if (head.version.major != 1) return false;
  unsigned status = 0;
  for (const char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return false;
    status = status * 10 + static_cast<unsigned>(c - '0');
  }
  if (status < 100 || (line.size() > 12 && line[12] != ' ')) return false;
  head.status = static_cast<uint16_t>(status);
  head.reason = line.size() > 13 ? line.substr(13) : std::string_view{};
  return std::none_of(head.reason.begin(), head.reason.end(), [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f;
  });
}

}  // namespace

struct ReplyParser::State {
  enum class Phase : uint8_t { head, length_body, chunked_body, endless_body, complete };

  State(Arena& a, HeadLimits l, Events& e) : arena(a), limits(l), events(e) {}

  Result<size_t> feed(std::string_view bytes);
  Result<void> on_head(std::span<char> text);
  Result<void> take_head(std::string_view& rest);
  Result<void> on_chunked(std::string_view& rest);
  void on_length(std::string_view& rest);
  void complete(const Headers& trailers) {
    phase = Phase::complete;
    events.on_reply_end(trailers);
  }
  bool has_no_body() const {
    return to_head || head.status / 100 == 1 || head.status == 204 || head.status == 304;
  }

  Arena& arena;
  HeadLimits limits;
  Events& events;
  Phase phase = Phase::head;
  bool stopped = false;
  bool to_head = false;  // the request's method
  uint64_t left = 0;
  ReplyHead head;
  HeadCollector collector;
  ChunkDecoder chunks;
  Headers no_trailers;
};

Result<void> ReplyParser::State::on_head(std::span<char> text) {
  const std::string_view whole(text.data(), text.size());
  const size_t line_end = whole.find('\n');
  head.clear();
  if (line_end == 0 || !parse_status_line(whole.substr(0, line_end - 1), head))
    return bad_reply(Fault::protocol);
  auto facts = parse_fields(text.subspan(line_end + 1), limits.headers_max, head.headers);
  if (!facts) return bad_reply(facts.error().fault);
  if (facts->transfer_encodings > 0 && !facts->chunked) return bad_reply(Fault::protocol);

  const bool http10 = head.version.minor == 0;
  head.keep_alive =
      http10 ? facts->connection_keep_alive && !facts->connection_close : !facts->connection_close;
  if (has_no_body()) return {};
  head.framing = framing_of(*facts, head.headers);
  if (head.framing == Framing::length) head.content_length = facts->content_length;
  if (head.framing == Framing::none && !facts->has_content_length)
    head.framing = Framing::until_close;
  // RFC 9112 section 6.1: chunked from an HTTP/1.0 server is not to be relied on further.
  if (head.framing == Framing::until_close || (http10 && head.framing == Framing::chunked))
    head.keep_alive = false;
  return {};
}

Result<void> ReplyParser::State::take_head(std::string_view& rest) {
  auto taken = collector.take(rest, limits.head_bytes_max, arena);
  if (!taken) return bad_reply(taken.error().fault);
  rest.remove_prefix(taken->used);
  if (taken->head.empty()) return {};
  if (auto read = on_head(taken->head); !read) return read;

  const bool interim = head.status / 100 == 1 && head.status != 101;
  left = head.content_length;
  if (!interim) {
    switch (head.framing) {
      case Framing::none:
        phase = Phase::complete;
        break;
      case Framing::length:
        phase = Phase::length_body;
        break;
      case Framing::chunked:
        phase = Phase::chunked_body;
        break;
      case Framing::until_close:
        phase = Phase::endless_body;
        break;
    }
  }
  events.on_reply(head);
  if (phase == Phase::complete) events.on_reply_end(no_trailers);
  return {};
}

void ReplyParser::State::on_length(std::string_view& rest) {
  const std::string_view body = rest.substr(0, std::min<uint64_t>(left, rest.size()));
  left -= body.size();
  rest.remove_prefix(body.size());
  events.on_reply_body(body);
  if (left == 0) complete(no_trailers);
}

Result<void> ReplyParser::State::on_chunked(std::string_view& rest) {
  auto step = chunks.next(rest, limits.headers_max, arena);
  if (!step) return bad_reply(Fault::protocol);
  if (step->found == ChunkDecoder::Found::body) events.on_reply_body(step->body);
  if (step->found == ChunkDecoder::Found::end) complete(chunks.trailers());
  return {};
}

Result<size_t> ReplyParser::State::feed(std::string_view bytes) {
  std::string_view rest = bytes;
  stopped = false;
  while (!stopped && phase != Phase::complete && !rest.empty()) {
    switch (phase) {
      case Phase::head:
        if (auto read = take_head(rest); !read) return std::move(read).error();
        break;
      case Phase::length_body:
        on_length(rest);
        break;
      case Phase::chunked_body:
        if (auto read = on_chunked(rest); !read) return std::move(read).error();
        break;
      case Phase::endless_body: {
        const std::string_view body = rest;
        rest = {};
        events.on_reply_body(body);
        break;
      }
      case Phase::complete:
        break;
    }
  }
  return bytes.size() - rest.size();
}

ReplyParser::ReplyParser(Arena& arena, HeadLimits limits, Events& events)
    : state_(std::make_unique<State>(arena, limits, events)) {}
ReplyParser::~ReplyParser() = default;

void ReplyParser::expect(std::string_view method) {
  state_->phase = State::Phase::head;
  state_->to_head = method == "HEAD";
  state_->head.clear();
  state_->collector.clear();
  state_->chunks.clear();
  state_->left = 0;
}

Result<size_t> ReplyParser::feed(std::string_view bytes) { return state_->feed(bytes); }
void ReplyParser::stop() { state_->stopped = true; }

Result<void> ReplyParser::finish() {
  if (state_->phase == State::Phase::complete) return {};
  if (state_->phase != State::Phase::endless_body) return bad_reply(Fault::closed);
  state_->complete(state_->no_trailers);
  return {};
}

bool ReplyParser::has_begun() const {
  return state_->phase != State::Phase::head || state_->collector.has_begun() ||
         state_->head.status != 0;
}
bool ReplyParser::head_complete() const { return state_->phase != State::Phase::head; }
bool ReplyParser::is_complete() const { return state_->phase == State::Phase::complete; }
ReplyHead& ReplyParser::head() { return state_->head; }

}  // namespace causeway::http
