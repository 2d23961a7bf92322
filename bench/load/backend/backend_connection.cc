#include "bench/load/backend/backend_connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "http/h1_writer.h"
#include "http/websocket.h"
#include "net/loop.h"
#include "tls/digest.h"

namespace causeway::load {
namespace {

constexpr size_t piece_bytes = 64u << 10;
constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n";
constexpr size_t echo_bytes_max = 16u << 20;
constexpr size_t frame_bytes_max = 16u << 20;
constexpr Duration drip_every = Milliseconds(20);

std::string_view filler() {
  static const std::string bytes(piece_bytes, 'x');
  return bytes;
}

}  // namespace

BackendConnection::BackendConnection(Shared& shared, BackendOwner& owner,
                                     std::unique_ptr<net::Stream> stream)
    : shared_(shared),
      owner_(owner),
      stream_(std::move(stream)),
      arena_(1024),
      parser_(arena_, http::HeadLimits{.head_bytes_max = 64u << 10, .headers_max = 1000}, *this) {
  if (shared.options.protocol == BackendOptions::Protocol::tcp_echo) phase_ = Phase::tcp;
  if (shared.options.protocol == BackendOptions::Protocol::tcp_sink) phase_ = Phase::hanging;
  stream_->watermarks(4 * piece_bytes);
  stream_->listen(*this);
  if (shared.options.protocol == BackendOptions::Protocol::tcp_source) {
    phase_ = Phase::source;
    pour();
  }
}

void BackendConnection::close() {
  timer_.reset();
  stream_.reset();
  phase_ = Phase::closing;
  owner_.release(*this);
}

void BackendConnection::on_read(std::span<char> bytes) {
  const std::string_view text(bytes.data(), bytes.size());
  switch (phase_) {
    case Phase::tcp:
      stream_->write(text);
      if (stream_->is_full()) stream_->pause(net::Pause::peer_full);
      return;
    case Phase::websocket:
      return take_frames(text);
    case Phase::hanging:
    case Phase::source:
    case Phase::closing:
      return;
    case Phase::waiting:
    case Phase::sending:
      waiting_ += text;
      stream_->pause(net::Pause::exchange);
      return;
    case Phase::reading:
      return has_spoken_ ? take(text) : take_first(text);
  }
}

// HTTP/2 shows in its first bytes, which may come one by one.
void BackendConnection::take_first(std::string_view bytes) {
  first_ += bytes;
  const size_t known = std::min(first_.size(), http2_preface.size());
  if (http2_preface.starts_with(std::string_view(first_).substr(0, known))) {
    if (known < http2_preface.size()) return;
    return owner_.turn_to_http2(*this, std::move(stream_), std::move(first_));
  }
  has_spoken_ = true;
  take(std::exchange(first_, {}));
}

void BackendConnection::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto used = parser_.feed(bytes);
    if (!used) {
      reply_text(400, "bad request\n");
      if (!stream_) return;
      stream_->shutdown();
      phase_ = Phase::hanging;
      return;
    }
    bytes.remove_prefix(*used);
    if (!parser_.is_complete()) return;
    owner_.count_request();
    answer();
    if (!stream_) return;
    if (phase_ == Phase::websocket) return take_frames(bytes);
    if (phase_ != Phase::reading) {
      waiting_ = bytes;
      return;
    }
  }
}

void BackendConnection::answer() {
  const http::RequestHead& head = parser_.head();
  is_head_ = head.method == "HEAD";
  ending_ = Ending::whole;
  is_chunked_ = has_trailers_ = false;
  if (head.upgrade && http::equals_ignoring_case(head.headers.get("Upgrade"), "websocket"))
    return shake_hands();
  const BackendAct wanted = act_of(head.target);
  if (wanted.kind == BackendAct::Kind::standard && !shared_.standard_reply.empty() &&
      head.keep_alive && !is_head_) {
    stream_->write(shared_.standard_reply);
    return finish_reply();
  }
  act(wanted);
}

void BackendConnection::act(const BackendAct& act) {
  const BackendOptions& options = shared_.options;
  const auto draw = [this](uint64_t low, uint64_t high) {
    return low + shared_.rng.below(high - low + 1);
  };
  const uint64_t bytes = draw(options.bytes_min, options.bytes_max);
  switch (act.kind) {
    case BackendAct::Kind::standard:
      return reply_later(
          bytes,
          Duration(static_cast<int64_t>(draw(static_cast<uint64_t>(options.delay_min.count()),
                                             static_cast<uint64_t>(options.delay_max.count())))));
    case BackendAct::Kind::delayed:
      return reply_later(bytes, act.time);
    case BackendAct::Kind::bytes:
      return reply_bytes(act.bytes, act.bytes, Ending::whole);
    case BackendAct::Kind::chunked:
      return reply_chunked(act.bytes, false);
    case BackendAct::Kind::trailers:
      return reply_chunked(act.bytes, true);
    case BackendAct::Kind::drip:
      return start_drip(act.bytes, act.time);
    case BackendAct::Kind::reset:
      return reply_bytes(act.bytes, act.bytes + 1000, Ending::reset);
    case BackendAct::Kind::cut:
      return reply_bytes(act.bytes, act.bytes + 1000, Ending::fin);
    case BackendAct::Kind::half_open:
      return reply_bytes(bytes, bytes, Ending::half_open);
    case BackendAct::Kind::hang:
      phase_ = Phase::hanging;
      return;
    case BackendAct::Kind::status:
      return reply_text(act.status, "");
    case BackendAct::Kind::echo:
      if (echo_.size() > echo_bytes_max) return reply_text(413, "more than 16 MiB\n");
      return reply_text(200, std::exchange(echo_, {}));
    case BackendAct::Kind::unknown:
      return reply_text(
          400,
          "expected /bytes/N, /chunked/N, /trailers/N, /delay/TIME, /drip/N/TIME, /reset/N, "
          "/cut/N, /half, /hang, /status/N or /echo\n");
  }
}

void BackendConnection::reply_text(uint16_t status, std::string_view body) {
  out_.clear();
  http::append_status_line(out_, status, http::reason_phrase(status), http::Version{});
  const bool may_have_body = status != 204 && status != 304;
  if (may_have_body) http::append_header(out_, "Content-Length", std::to_string(body.size()));
  if (parser_.head_complete() && !parser_.head().keep_alive)
    http::append_header(out_, "Connection", "close");
  out_ += "\r\n";
  if (may_have_body && !is_head_) out_ += body;
  stream_->write(out_);
  if (parser_.is_complete()) finish_reply();
}

void BackendConnection::reply_later(uint64_t bytes, Duration delay) {
  if (delay <= Duration::zero()) return reply_bytes(bytes, bytes, Ending::whole);
  phase_ = Phase::waiting;
  if (!timer_) timer_ = std::make_unique<net::Timer>(shared_.loop);
  timer_->once(delay, [this, bytes] { reply_bytes(bytes, bytes, Ending::whole); });
}

void BackendConnection::start_head(uint64_t promised) {
  out_.clear();
  http::append_status_line(out_, 200, "OK", http::Version{});
  http::append_header(out_, "Content-Type", "text/plain");
  http::append_header(out_, "Content-Length", std::to_string(promised));
  if (!parser_.head().keep_alive) http::append_header(out_, "Connection", "close");
  out_ += "\r\n";
}

void BackendConnection::reply_bytes(uint64_t bytes, uint64_t promised, Ending ending) {
  start_head(promised);
  ending_ = ending;
  body_left_ = is_head_ ? 0 : bytes;
  // Head and first piece leave together.
  const size_t first = static_cast<size_t>(std::min<uint64_t>(body_left_, piece_bytes));
  const std::array<std::string_view, 2> pieces{out_, filler().substr(0, first)};
  body_left_ -= first;
  phase_ = Phase::sending;
  stream_->write(pieces);
  pump();
}

void BackendConnection::reply_chunked(uint64_t bytes, bool with_trailers) {
  out_.clear();
  http::append_status_line(out_, 200, "OK", http::Version{});
  http::append_header(out_, "Content-Type", "text/plain");
  http::append_header(out_, "Transfer-Encoding", "chunked");
  if (with_trailers) http::append_header(out_, "Trailer", "X-Bytes");
  if (!parser_.head().keep_alive) http::append_header(out_, "Connection", "close");
  out_ += "\r\n";
  stream_->write(out_);
  is_chunked_ = true;
  has_trailers_ = with_trailers;
  body_left_ = is_head_ ? 0 : bytes;
  echo_ = std::to_string(bytes);  // for the trailer
  phase_ = Phase::sending;
  pump();
}

void BackendConnection::start_drip(uint64_t bytes, Duration time) {
  const uint64_t ticks = std::max<uint64_t>(static_cast<uint64_t>(time / drip_every), 1);
  const uint64_t share = std::max<uint64_t>(bytes / ticks, 1);
  if (bytes == 0 || is_head_) return reply_bytes(bytes, bytes, Ending::whole);
  start_head(bytes);
  stream_->write(out_);
  phase_ = Phase::waiting;
  body_left_ = bytes;
  if (!timer_) timer_ = std::make_unique<net::Timer>(shared_.loop);
  timer_->every(drip_every, [this, share] {
    if (stream_->is_full()) return;
    const size_t now = static_cast<size_t>(std::min<uint64_t>({share, body_left_, piece_bytes}));
    stream_->write(filler().substr(0, now));
    body_left_ -= now;
    if (body_left_ > 0) return;
    timer_->disarm();
    finish_body();
  });
}

void BackendConnection::pump() {
  while (body_left_ > 0) {
    if (stream_->is_full()) return;  // on_drained goes on
    const size_t now =
        static_cast<size_t>(std::min<uint64_t>(body_left_, is_chunked_ ? 16u << 10 : piece_bytes));
    body_left_ -= now;
    if (is_chunked_) {
      const http::ChunkHead head = http::chunk_head(now);
      const std::array<std::string_view, 3> pieces{head.view(), filler().substr(0, now),
                                                   http::kChunkEnd};
      stream_->write(pieces);
    } else {
      stream_->write(filler().substr(0, now));
    }
  }
  finish_body();
}

void BackendConnection::finish_body() {
  if (is_chunked_ && !is_head_) {
    http::Headers trailers;
    if (has_trailers_) trailers.add("X-Bytes", echo_);
    out_.clear();
    http::append_last_chunk(out_, trailers);
    stream_->write(out_);
  }
  echo_.clear();
  switch (ending_) {
    case Ending::reset:
      stream_->abort_on_close();
      return close();
    case Ending::fin:
    case Ending::half_open:
      stream_->shutdown();
      phase_ = Phase::hanging;  // reads on, until the client ends
      return;
    case Ending::whole:
      return finish_reply();
  }
}

void BackendConnection::finish_reply() {
  const bool was_waiting = phase_ == Phase::sending || phase_ == Phase::waiting;
  if (has_ended_ || !parser_.head().keep_alive) {
    stream_->shutdown();
    phase_ = Phase::hanging;
    if (has_ended_ && stream_->queued_bytes() == 0) close();
    return;
  }
  phase_ = Phase::reading;
  arena_.reset();
  parser_.next_request();
  if (!was_waiting) return;
  stream_->resume(net::Pause::exchange);
  if (waiting_.empty()) return;
  // Not from here: a client that pipelines thousands of requests must not deepen the stack.
  if (!timer_) timer_ = std::make_unique<net::Timer>(shared_.loop);
  phase_ = Phase::waiting;
  timer_->once(Duration::zero(), [this] {
    phase_ = Phase::reading;
    const std::string bytes = std::exchange(waiting_, {});
    take(bytes);
  });
}

void BackendConnection::pour() {
  constexpr int pieces_each_turn = 64;  // 4 MiB: what a socket takes at most, as a rule
  for (int i = 0; i < pieces_each_turn; ++i) {
    if (stream_->is_full()) return;  // on_drained goes on
    stream_->write(filler());
  }
  if (!timer_) timer_ = std::make_unique<net::Timer>(shared_.loop);
  timer_->once(Duration::zero(), [this] { pour(); });
}

void BackendConnection::on_drained() {
  if (phase_ == Phase::source) return pour();
  if (phase_ == Phase::sending) return pump();
  if (has_ended_ && stream_->queued_bytes() == 0) return close();
  stream_->resume(net::Pause::peer_full);
}

void BackendConnection::shake_hands() {
  const std::string key =
      std::string(parser_.head().headers.get("Sec-WebSocket-Key")) + std::string(http::kAcceptGuid);
  const auto digest = tls::sha1(key);
  out_.clear();
  http::append_status_line(out_, 101, "Switching Protocols", http::Version{});
  http::append_header(out_, "Upgrade", "websocket");
  http::append_header(out_, "Connection", "Upgrade");
  http::append_header(out_, "Sec-WebSocket-Accept", tls::base64(digest));
  out_ += "\r\n";
  stream_->write(out_);
  phase_ = Phase::websocket;
}

void BackendConnection::take_frames(std::string_view bytes) {
  waiting_ += bytes;
  size_t used = 0;
  out_.clear();
  while (true) {
    const std::string_view rest = std::string_view(waiting_).substr(used);
    const auto parsed = http::parse_frame_head(rest);
    if (!parsed ||
        (*parsed && ((*parsed)->payload_bytes > frame_bytes_max || !(*parsed)->masked))) {
      http::append_close_frame(out_, 1002);
      stream_->write(out_);
      stream_->shutdown();
      phase_ = Phase::hanging;
      return;
    }
    if (!*parsed || rest.size() - (*parsed)->head_bytes < (*parsed)->payload_bytes) break;
    const http::FrameHead& frame = **parsed;
    const std::span<char> payload(waiting_.data() + used + frame.head_bytes,
                                  static_cast<size_t>(frame.payload_bytes));
    http::apply_mask(payload, frame.mask, 0);
    used += frame.head_bytes + payload.size();
    owner_.count_request();
    if (frame.opcode == http::Opcode::pong) continue;
    const size_t head_at = out_.size();
    http::append_frame_head(out_,
                            frame.opcode == http::Opcode::ping ? http::Opcode::pong : frame.opcode,
                            frame.payload_bytes);
    if (!frame.final)
      out_[head_at] = static_cast<char>(static_cast<unsigned char>(out_[head_at]) & 0x7f);
    out_.append(payload.data(), payload.size());
    if (frame.opcode != http::Opcode::close) continue;
    stream_->write(out_);
    stream_->shutdown();
    phase_ = Phase::hanging;
    return;
  }
  waiting_.erase(0, used);
  if (!out_.empty()) stream_->write(out_);
  if (stream_->is_full()) stream_->pause(net::Pause::peer_full);
}

void BackendConnection::on_end() {
  has_ended_ = true;
  if (phase_ == Phase::waiting || phase_ == Phase::sending) return;  // the reply is still owed
  if (phase_ == Phase::source) {  // what is poured already is the last
    phase_ = Phase::hanging;
    timer_.reset();
  }
  stream_->shutdown();
  if (stream_->queued_bytes() == 0) close();
}

void BackendConnection::on_failure(const Error&) { close(); }

void BackendConnection::on_request(http::RequestHead& head) {
  if (head.expect_continue) stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
  echo_.clear();
}

void BackendConnection::on_request_body(std::string_view bytes) {
  if (echo_.size() <= echo_bytes_max && parser_.head().target.starts_with("/echo")) echo_ += bytes;
}

void BackendConnection::on_request_end(const http::Headers&) {}

}  // namespace causeway::load
