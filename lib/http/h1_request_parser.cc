#include "http/h1_chunked.h"
#include "http/h1_head.h"
#include "http/h1_parser.h"
#include "http/target.h"

namespace causeway::http {
namespace {

Error refuse(uint16_t status, std::string detail = {}) {
  return Error{.fault = status == 431 ? Fault::limit : Fault::protocol,
               .side = Side::client,
               .os = status,
               .detail = std::move(detail)};
}

// An Error of the shared code becomes the client's.
Error refuse(const Error& error) { return refuse(error.fault == Fault::limit ? 431 : 400); }

}  // namespace

struct RequestParser::State {
  enum class Phase : uint8_t { head, length_body, chunked_body, complete };

  State(Arena& a, HeadLimits l, Events& e) : arena(a), limits(l), events(e) {}

  Result<size_t> feed(std::string_view bytes);
  Result<void> on_head(std::span<char> text);
  Result<void> on_start_line(std::string_view line);
  Result<void> on_facts(const FieldFacts& facts);
  Result<void> on_chunked(std::string_view& rest);
  void on_length(std::string_view& rest);
  void complete(const Headers& trailers) {
    phase = Phase::complete;
    events.on_request_end(trailers);
  }

  Arena& arena;
  HeadLimits limits;
  Events& events;
  Phase phase = Phase::head;
  bool stopped = false;
  uint64_t left = 0;  // of a length body
  RequestHead head;
  HeadCollector collector;
  ChunkDecoder chunks;
  Headers no_trailers;
};

Result<void> RequestParser::State::on_start_line(std::string_view line) {
  const size_t first = line.find(' ');
  if (first == std::string_view::npos) return refuse(400);
  const size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return refuse(400);
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  if (!is_token(head.method)) return refuse(400);
  if (!parse_version(line.substr(second + 1), head.version)) return refuse(400);
  // HTTP/2 in clear text is not spoken here: its preface is a malformed request.
  if (head.version.major == 2) return refuse(400);
  if (head.version.major != 1) return refuse(505);
  if (head.version.minor > 1) return refuse(400);
  if (!is_request_target(head.method, head.target)) return refuse(400);
  return {};
}

Result<void> RequestParser::State::on_facts(const FieldFacts& facts) {
  const bool http10 = head.version.minor == 0;
  if (facts.hosts > 1) return refuse(400, "too many Host headers");
  if (facts.hosts == 0 && !http10) return refuse(400, "missing required Host header");
  if (facts.hosts == 1 && !is_authority(facts.host)) return refuse(400, "malformed Host header");
  if (facts.transfer_encodings > 0) {
    if (!facts.chunked) return refuse(501, "Unsupported transfer encoding");
    // RFC 9112 section 6.1: faulty framing.
    if (http10) return refuse(400);
  }
  head.framing = framing_of(facts, head.headers);
  head.content_length = head.framing == Framing::length ? facts.content_length : 0;
  head.keep_alive =
      http10 ? facts.connection_keep_alive && !facts.connection_close : !facts.connection_close;
  // RFC 9112 section 6.1: whoever sent both may have been misread by somebody before us.
  if (head.framing == Framing::chunked && facts.has_content_length) head.keep_alive = false;
  // HTTP/2 in clear text would carry requests past every rule (RFC 9113 no longer has this
  // upgrade).
  head.upgrade = facts.upgrade && !http10 && !head.headers.has_token("upgrade", "h2c");
  head.expect_continue = facts.expect_continue && !http10;
  return {};
}

Result<void> RequestParser::State::on_head(std::span<char> text) {
  const std::string_view whole(text.data(), text.size());
  const size_t line_end = whole.find('\n');
  if (auto read = on_start_line(whole.substr(0, line_end - 1)); !read) return read;
  auto facts = parse_fields(text.subspan(line_end + 1), limits.headers_max, head.headers);
  if (!facts) return refuse(facts.error());
  return on_facts(*facts);
}

void RequestParser::State::on_length(std::string_view& rest) {
  const std::string_view body = rest.substr(0, std::min<uint64_t>(left, rest.size()));
  if (body.empty()) return;
  left -= body.size();
  rest.remove_prefix(body.size());
  events.on_request_body(body);
  if (left == 0) complete(no_trailers);
}

Result<void> RequestParser::State::on_chunked(std::string_view& rest) {
  auto step = chunks.next(rest, limits.headers_max, arena);
  if (!step) return refuse(400);
  if (step->found == ChunkDecoder::Found::body) events.on_request_body(step->body);
  if (step->found == ChunkDecoder::Found::end) complete(chunks.trailers());
  return {};
}

Result<size_t> RequestParser::State::feed(std::string_view bytes) {
  std::string_view rest = bytes;
  stopped = false;
  while (!stopped && phase != Phase::complete && !rest.empty()) {
    switch (phase) {
      case Phase::head: {
        rest.remove_prefix(collector.skip_empty_lines(rest));
        if (rest.empty()) break;
        auto taken = collector.take(rest, limits.head_bytes_max, arena);
        if (!taken) return refuse(taken.error());
        rest.remove_prefix(taken->used);
        if (taken->head.empty()) break;
        if (auto read = on_head(taken->head); !read) return std::move(read).error();
        left = head.content_length;
        phase = head.framing == Framing::none     ? Phase::complete
                : head.framing == Framing::length ? Phase::length_body
                                                  : Phase::chunked_body;
        events.on_request(head);
        if (phase == Phase::complete) events.on_request_end(no_trailers);
        break;
      }
      case Phase::length_body:
        on_length(rest);
        break;
      case Phase::chunked_body:
        if (auto read = on_chunked(rest); !read) return std::move(read).error();
        break;
      case Phase::complete:
        break;
    }
  }
  return bytes.size() - rest.size();
}

RequestParser::RequestParser(Arena& arena, HeadLimits limits, Events& events)
    : state_(std::make_unique<State>(arena, limits, events)) {}
RequestParser::~RequestParser() = default;

Result<size_t> RequestParser::feed(std::string_view bytes) { return state_->feed(bytes); }
void RequestParser::stop() { state_->stopped = true; }

void RequestParser::next_request() {
  state_->phase = State::Phase::head;
  state_->head.clear();
  state_->collector.clear();
  state_->chunks.clear();
  state_->left = 0;
}

bool RequestParser::has_begun() const {
  return state_->phase != State::Phase::head || state_->collector.has_begun();
}
bool RequestParser::head_complete() const { return state_->phase != State::Phase::head; }
bool RequestParser::is_complete() const { return state_->phase == State::Phase::complete; }
RequestHead& RequestParser::head() { return state_->head; }

}  // namespace causeway::http
