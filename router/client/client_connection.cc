#include "router/client/client_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "http/h1_writer.h"
#include "http2/server_session.h"
#include "router/client/listener.h"
#include "router/proxy/head_writer.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// No request head is ever longer or has more lines (section 17).
constexpr http::HeadLimits head_limits_most{.head_bytes_max = 1u << 20, .headers_max = 10'000};
// A head that is too long by no more than this is read whole, so that the refusal has its access
// log line; of longer ones nothing is stored beyond it.
constexpr size_t head_bytes_spare = 4096;
// Kept for the next time something has to wait.
constexpr size_t ahead_bytes_kept = 4096;

http::HeadLimits head_limits(const Settings& settings) {
  http::HeadLimits limits = head_limits_most;
  if (settings.max_request_header_bytes > 0)
    limits.head_bytes_max =
        std::min(limits.head_bytes_max, settings.max_request_header_bytes + head_bytes_spare);
  return limits;
}

}  // namespace

ClientConnection::ClientConnection(Listener& listener, Workbench& bench,
                                   std::unique_ptr<net::Stream> stream, ClientFacts facts,
                                   size_t place)
    : ServedConnection(place),
      Requester(bench.arena_blocks),
      listener_(listener),
      bench_(bench),
      stream_(std::move(stream)),
      facts_(std::move(facts)),
      client_ip_(facts_.address.ip()),
      client_authority_(facts_.address.to_string()),
      parser_(arena_, head_limits(bench.settings), *this),
      exchange_(*this, bench),
      sink_(bench.to_client),
      may_turn_to_http2_(bench.settings.http2.on_plain_port && facts_.entrance == Entrance::plain) {
  stream_->watermarks(bench_.settings.buffer_bytes_max);
  bench_.client_idle.arm(*this);
  stream_->listen(*this);
}

ClientConnection::~ClientConnection() { CHECK(state_ == State::ended); }

bool ClientConnection::may_feed() const {
  if (state_ != State::open) return false;
  return exchange_.is_idle() || (exchange_.takes_body() && !parser_.is_complete());
}

void ClientConnection::on_read(std::span<char> bytes) {
  if (state_ == State::ended) return;
  if (state_ == State::lingering) {
    if (lingering_.is_flooded(bytes.size())) end();
    return;
  }
  const std::string_view view(bytes.data(), bytes.size());
  if (may_turn_to_http2_ && turns_to_http2(view)) return;
  if (may_feed() && ahead_.empty()) return feed(view);
  ahead_.append(view);
  stream_->pause(net::Pause::exchange);
}

// By prior knowledge (RFC 9113 section 3.3): true while the bytes are those of its preface.
bool ClientConnection::turns_to_http2(std::string_view bytes) {
  const std::string_view preface = http2::kClientPreface;
  ahead_.append(bytes);
  const size_t size = std::min(ahead_.size(), preface.size());
  if (ahead_.compare(0, size, preface, 0, size) == 0) {
    if (ahead_.size() < preface.size()) {
      if (!is_timed_) time_the_client();
      return true;
    }
    state_ = State::ended;
    call_off();
    listener_.go_on_in_http2(*this, std::move(stream_), std::move(facts_), ahead_);
    return true;
  }
  may_turn_to_http2_ = false;
  resume_feeding();
  return true;
}

bool ClientConnection::feed_once(std::string_view& bytes) {
  const auto fed = parser_.feed(bytes);
  if (state_ != State::open) return false;
  if (!fed) {
    is_feeding_ = false;
    refuse(fed.error());
    return false;
  }
  bytes.remove_prefix(*fed);
  exchange_.on_feed_done();
  return state_ == State::open;
}

void ClientConnection::feed(std::string_view bytes) {
  CHECK(!is_feeding_);
  is_feeding_ = true;
  bool is_open = true;
  if (bytes.empty() || !may_feed()) {
    exchange_.on_feed_done();  // a head may be waiting to go out
    is_open = state_ == State::open;
  }
  while (is_open && !bytes.empty() && may_feed()) is_open = feed_once(bytes);
  is_feeding_ = false;
  if (!is_open || exchange_.is_tunnelling()) return;
  if (!bytes.empty()) {
    ahead_.append(bytes);
    stream_->pause(net::Pause::exchange);
  }
  after_feed();
}

void ClientConnection::resume_feeding() {
  if (is_feeding_ || state_ != State::open) return;
  std::string waiting;
  waiting.swap(ahead_);
  feed(waiting);
  if (ahead_.empty() && waiting.capacity() <= ahead_bytes_kept) {
    waiting.clear();
    ahead_.swap(waiting);
  }
}

// Whatever was at hand has been told: what next?
void ClientConnection::after_feed() {
  if (ahead_.empty()) stream_->resume(net::Pause::exchange);
  if (exchange_.is_idle()) {
    if (has_ended_ && ahead_.empty()) return end();
    if (parser_.has_begun()) time_the_client();
  } else if (exchange_.is_discarding()) {
    time_the_client();
  } else if (has_ended_ && ahead_.empty() && !parser_.is_complete()) {
    // The rest of its body will not come.
    exchange_.on_client_gone();
    end();
  }
}

// From the first byte on, not from the latest: a byte a second would go on for ever.
void ClientConnection::time_the_client() {
  if (is_timed_) return;
  is_timed_ = true;
  bench_.client_head.arm(*this);
}

void ClientConnection::on_request(http::RequestHead& head) {
  call_off();
  is_timed_ = false;
  exchange_.begin(head);
}

void ClientConnection::on_request_body(std::string_view bytes) { exchange_.on_request_body(bytes); }

void ClientConnection::on_request_end(const http::Headers& trailers) {
  exchange_.on_request_end(trailers);
}

void ClientConnection::send_interim(Exchange& exchange, const http::ReplyHead& head) {
  std::string& text = bench_.to_client.head;
  text.clear();
  append_client_head(text, exchange, head, {.is_interim = true}, {});
  stream_->write(text);
}

MessageSink& ClientConnection::begin_reply(Exchange& exchange, const http::ReplyHead& head,
                                           const ReplyShape& shape, std::string_view backend) {
  std::string& text = sink_.begin(
      *stream_, shape.is_chunked ? Http1Sink::Framing::chunked : Http1Sink::Framing::as_is);
  append_client_head(text, exchange, head, shape, backend);
  return sink_;
}

void ClientConnection::send_reply(Exchange& exchange, const RouterReply& reply, bool keeps_client) {
  std::string& text = bench_.to_client.head;
  text.clear();
  append_router_reply(text, exchange, reply, keeps_client);
  stream_->write(text);
}

void ClientConnection::on_exchange_done(bool keeps_open) {
  if (state_ != State::open) return;
  if (!keeps_open) return close_after_reply();
  parser_.next_request();
  arena_.release();
  is_timed_ = false;
  (bench_.is_draining ? bench_.drain_idle : bench_.client_idle).arm(*this);
  if (is_feeding_) return;
  if (!ahead_.empty()) return resume_feeding();
  if (has_ended_) close_after_reply();
}

void ClientConnection::on_end() {
  if (state_ == State::ended) return;
  has_ended_ = true;
  if (state_ == State::lingering) {
    if (stream_->queued_bytes() == 0) end();
    return;
  }
  // A client that only stopped sending still gets its reply.
  after_feed();
}

void ClientConnection::on_failure(const Error&) {
  if (state_ == State::ended) return;
  exchange_.on_client_gone();
  end();
}

void ClientConnection::on_drained() {
  if (state_ == State::open) exchange_.on_client_drained();
  if (state_ == State::lingering && has_ended_ && stream_->queued_bytes() == 0) end();
}

void ClientConnection::on_deadline() {
  if (state_ == State::lingering) return on_linger_tick();
  if (!exchange_.is_idle()) return end();  // it was answered, but its body does not come to an end
  if (parser_.has_begun()) {
    bench_.metrics.request_head_timeouts.add();
    return refuse({.fault = Fault::timeout, .side = Side::client, .os = 408});
  }
  // Idle for too long. At drain, a request that the kernel already holds is still answered.
  if (bench_.is_draining && has_unread_bytes()) return bench_.drain_idle.arm(*this);
  end();
}

bool ClientConnection::has_unread_bytes() const {
  char byte;
  return ::recv(stream_->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

// Malformed requests get a bare reply, no log line, and no further word (section 16).
void ClientConnection::refuse(const Error& error) {
  if (error.fault != Fault::timeout) bench_.metrics.malformed_requests.add();
  const auto status = static_cast<uint16_t>(error.os);
  const std::string_view reason = http::reason_phrase(status);
  std::string text;
  http::append_status_line(text, status, reason, {1, 1});
  // The operator's limit names itself; the bound of every HTTP server does not.
  if (status == 431 &&
      head_limits(bench_.settings).head_bytes_max < head_limits_most.head_bytes_max)
    http::append_header(text, "X-Cf-Routererror", "max-request-size-exceeded");
  text.append("Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n");
  text.append(std::to_string(status)).append(" ").append(reason);
  if (!error.detail.empty()) text.append(": ").append(error.detail);
  // In the middle of an exchange (a broken chunk) the reply may have begun already.
  const bool may_answer = exchange_.is_idle() || !exchange_.has_replied();
  exchange_.on_client_gone(status);
  if (may_answer) stream_->write(text);
  linger();
}

void ClientConnection::cut(Cut how) {
  if (state_ != State::open) return;
  if (how == Cut::reset) {
    stream_->abort_on_close();
    return end();
  }
  linger();
}

void ClientConnection::close_after_reply() {
  const bool is_quiet = parser_.is_complete() && ahead_.empty();
  if (stream_->queued_bytes() == 0 && (is_quiet || has_ended_)) return end();
  linger();
}

// Closing with unread bytes would reset the connection and could cost the client the reply: FIN
// first, then wait for its end.
void ClientConnection::linger() {
  state_ = State::lingering;
  ahead_.clear();
  const size_t queued = stream_->queued_bytes();
  lingering_.begin(queued);
  stream_->shutdown();
  stream_->watermarks(4);  // on_drained() when all is sent
  stream_->listen(*this);  // back from the tunnel, if there was one
  for (const net::Pause reason :
       {net::Pause::exchange, net::Pause::peer_full, net::Pause::owner, net::Pause::lossless})
    stream_->resume(reason);
  if (has_ended_ && queued == 0) return end();
  bench_.lingering.arm(*this);
}

void ClientConnection::on_linger_tick() {
  if (lingering_.is_over(stream_->queued_bytes(), has_ended_, bench_.lingering.length(),
                         bench_.settings.frontend_idle_timeout))
    return end();
  bench_.lingering.arm(*this);
}

bool ClientConnection::is_busy() const {
  if (state_ == State::open) return !exchange_.is_tunnelling();
  return state_ == State::lingering && stream_->queued_bytes() > 0;
}

void ClientConnection::drain() {
  if (state_ == State::open && exchange_.is_idle() && !parser_.has_begun())
    bench_.drain_idle.arm(*this);
}

void ClientConnection::end() {
  if (state_ == State::ended) return;
  exchange_.on_client_gone();
  state_ = State::ended;
  call_off();
  listener_.remove(*this);
}

}  // namespace causeway::router
