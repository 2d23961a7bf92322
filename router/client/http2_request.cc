#include "router/client/http2_request.h"

#include <span>
#include <utility>

#include "base/check.h"
#include "http/websocket.h"
#include "router/client/http2_client_connection.h"
#include "router/proxy/head_writer.h"
#include "router/proxy/http1_sink.h"
#include "router/workbench/workbench.h"
#include "tls/digest.h"

namespace causeway::router {
namespace {

// What a client must take of a reply that waits for its windows, from one look
// (http2.stall_timeout) to the next.
constexpr uint64_t taken_bytes_min = 4096;
// Kept for the next time something has to wait.
constexpr size_t waiting_bytes_kept = 4096;

}  // namespace

Http2Request::Http2Request(Workbench& bench)
    : Requester(bench.arena_blocks), bench_(bench), exchange_(*this, bench), tunnel_(*this) {
  ServerStream::high_mark(bench.settings.buffer_bytes_max);
}

Http2Request::~Http2Request() { CHECK(connection_ == nullptr); }

void Http2Request::begin(Http2ClientConnection& connection, size_t place) {
  connection_ = &connection;
  place_ = place;
  held_bytes_ = 0;
  sent_before_ = 0;
  has_begun_ = end_is_told_ = is_paused_ = false;
  websocket_key_ = {};
  tunnel_.pauses_ = 0;
  tunnel_.events_ = nullptr;
  ServerStream::high_mark(bench_.settings.buffer_bytes_max);
}

const ClientFacts& Http2Request::facts() const { return connection_->facts(); }
const std::string& Http2Request::client_ip() const { return connection_->client_ip(); }
const std::string& Http2Request::client_authority() const {
  return connection_->client_authority();
}

// --- the request -------------------------------------------------------------------------------

void Http2Request::begin_exchange() {
  has_begun_ = true;
  if (refusal() != 0) return refuse();
  if (is_tunnel() && http::equals_ignoring_case(head().headers.get("upgrade"), "websocket")) {
    // The backend is to prove that it speaks WebSocket: to us, since this client sends no key.
    std::array<std::byte, 16> random;
    bench_.request_ids.take(random);
    websocket_key_ = arena_.copy(tls::base64(random));
    head().headers.add("sec-websocket-key", websocket_key_);
  }
  is_feeding_ = true;
  exchange_.begin(head());
  is_feeding_ = false;
}

// As for HTTP/1: bare, without a line in the access log.
void Http2Request::refuse() {
  bench_.metrics.malformed_requests.add();
  const std::string_view reason = http::reason_phrase(refusal());
  http::Headers& fields = bench_.http2_fields;
  fields.clear();
  if (refusal() == 431 && connection_->limits_name_themselves())
    fields.add("x-cf-routererror", "max-request-size-exceeded");
  fields.add("content-type", "text/plain; charset=utf-8");
  std::string body = std::to_string(refusal());
  body.append(" ").append(reason);
  reply(refusal(), fields, false);
  write(body);
  fields.clear();
  end(fields);
  lose_body();
}

void Http2Request::on_body(std::string_view bytes) {
  if (tunnel_.events_ != nullptr && ahead_.empty() && tunnel_.pauses_ == 0)
    return tell_tunnel(bytes);
  if (has_begun_ && exchange_.is_idle()) return consume(bytes.size());
  if (!has_begun_ || !ahead_.empty() || !may_tell()) {
    ahead_.append(bytes);
    return;
  }
  is_feeding_ = true;
  exchange_.on_request_body(bytes);
  exchange_.on_feed_done();
  is_feeding_ = false;
  account(bytes.size());
}

void Http2Request::on_fed() {
  if (!has_begun_) begin_exchange();
  feed();
}

void Http2Request::resume_feeding() {
  if (!is_feeding_) feed();
}

void Http2Request::resume_body() {
  is_paused_ = false;
  connection_->wake_soon(*this);
}

void Http2Request::wake() {
  if (ServerStream::is_open()) {
    consume(std::exchange(held_bytes_, 0));
  } else if (exchange_.is_tunnelling()) {
    bench_.http2_stall.arm(*this);  // the backend has taken something
  }
  if (has_begun_) feed();
}

// Tells what waits, and the end, as far as they are wanted.
void Http2Request::feed() {
  if (tunnel_.events_ != nullptr) {
    if (tunnel_.pauses_ != 0) return;
    std::string waiting;
    waiting.swap(ahead_);
    if (!waiting.empty()) tell_tunnel(waiting);
    if (is_request_whole() && ahead_.empty() && tunnel_.events_ != nullptr &&
        !std::exchange(end_is_told_, true))
      tunnel_.events_->on_end();
    return;
  }
  if (exchange_.is_idle()) return;
  is_feeding_ = true;
  std::string waiting;  // until it was sent
  if (!ahead_.empty() && may_tell() && !is_tunnel()) {
    waiting.swap(ahead_);
    exchange_.on_request_body(waiting);
  }
  // What comes after an extended CONNECT's head is the tunnel's.
  const bool is_whole = is_tunnel() || (is_request_whole() && ahead_.empty());
  if (is_whole && exchange_.takes_body() && !end_is_told_) {
    end_is_told_ = !is_tunnel();
    exchange_.on_request_end(trailers());
  }
  exchange_.on_feed_done();
  is_feeding_ = false;
  account(waiting.size());
  if (ahead_.empty() && !waiting.empty() && waiting.capacity() <= waiting_bytes_kept) {
    waiting.clear();
    ahead_.swap(waiting);
  }
}

// The window opens for what the backend has taken.
void Http2Request::account(size_t bytes) {
  if (!ServerStream::is_open()) return;
  if (is_paused_) {
    held_bytes_ += bytes;
  } else {
    consume(bytes);
  }
}

// Nobody wants the rest.
void Http2Request::lose_body() {
  if (ServerStream::is_open()) consume(std::exchange(held_bytes_, 0) + ahead_.size());
  ahead_.clear();
}

// --- the reply ---------------------------------------------------------------------------------

bool Http2Request::accepts_upgrade(const http::ReplyHead& head) const {
  if (websocket_key_.empty()) return true;
  std::string text(websocket_key_);
  text.append(http::kAcceptGuid);
  return head.headers.get("sec-websocket-accept") == tls::base64(tls::sha1(text));
}

void Http2Request::send_interim(Exchange& exchange, const http::ReplyHead& head) {
  bench_.http2_fields.clear();
  list_client_fields(bench_.http2_fields, exchange, head, {.is_interim = true}, {});
  interim(head.status, bench_.http2_fields);
}

MessageSink& Http2Request::begin_reply(Exchange& exchange, const http::ReplyHead& head,
                                       const ReplyShape& shape, std::string_view backend) {
  bench_.http2_fields.clear();
  list_client_fields(bench_.http2_fields, exchange, head, shape, backend);
  constexpr uint16_t tunnel_begins = 200;  // RFC 8441 section 5
  const bool has_no_body =
      head.framing == http::Framing::none ||
      (head.framing == http::Framing::length && head.content_length == 0 && head.version.major < 2);
  reply(shape.is_upgrade ? tunnel_begins : head.status, bench_.http2_fields,
        has_no_body && !shape.is_upgrade);
  return *this;
}

void Http2Request::send_reply(Exchange& exchange, const RouterReply& answer, bool) {
  bench_.http2_fields.clear();
  const std::string_view body = list_router_reply(bench_.http2_fields, exchange, answer);
  reply(answer.status, bench_.http2_fields, body.empty());
  write(body);
  bench_.http2_fields.clear();
  end(bench_.http2_fields);
}

void Http2Request::add_body(std::string_view bytes) {
  write(bytes);
  watch_queue();
}

void Http2Request::add_end(const http::Headers& trailers) {
  if (exchange_.is_upgrading()) return;  // the end of its head
  http::Headers& passed = bench_.http2_fields;
  passed.clear();
  for (const http::Header& line : trailers) {
    if (is_trailer_passed(line.name)) passed.add(line.name, line.value);
  }
  end(passed);
}

void Http2Request::watch_queue() {
  if (ServerStream::queued_bytes() == 0 || ListLink<Deadline>::is_linked()) return;
  sent_before_ = sent_bytes();
  bench_.http2_stall.arm(*this);
}

void Http2Request::on_deadline() {
  if (exchange_.is_tunnelling()) {
    // Once it knows of the end, the tunnel itself bounds how long the last bytes may take.
    if (!ServerStream::is_open() && !end_is_told_) abandon();
    return;
  }
  if (ServerStream::queued_bytes() == 0) return;
  const bool is_moving = sent_bytes() - sent_before_ >= taken_bytes_min;
  sent_before_ = sent_bytes();
  if (is_moving) return bench_.http2_stall.arm(*this);
  bench_.metrics.http2_stalled_streams.add();
  connection_->on_stalled(*this);
}

void Http2Request::on_drained() {
  if (tunnel_.events_ != nullptr) return tunnel_.events_->on_drained();
  exchange_.on_client_drained();
}

// --- the end -----------------------------------------------------------------------------------

void Http2Request::on_exchange_done(bool) {
  lose_body();
  leave_tunnel();  // one that was refused: its client may not leave it half open
  watch_queue();
  release_if_done();
}

void Http2Request::cut(Cut how) {
  lose_body();
  if (how == Cut::reset) {
    reset(http2::ErrorCode::internal_error);
  } else {
    ServerStream::cut();
  }
  watch_queue();
  release_if_done();
}

void Http2Request::on_tunnel_end() {
  tunnel_.events_ = nullptr;
  lose_body();
  leave_tunnel();
  watch_queue();
  release_if_done();
}

void Http2Request::on_closed(bool) {
  // Both ends have said all. The last bytes may still be on their way to the backend, or wait for
  // it: not for ever.
  if (exchange_.is_tunnelling() && is_request_whole() && is_reply_sent()) {
    bench_.http2_stall.arm(*this);
    return connection_->wake_soon(*this);
  }
  tunnel_.events_ = nullptr;
  exchange_.on_client_gone();
  release_if_done();
}

void Http2Request::abandon() {
  if (exchange_.is_idle()) return release_if_done();
  tunnel_.events_ = nullptr;
  exchange_.on_client_gone();
  release_if_done();
}

void Http2Request::release_if_done() {
  if (ServerStream::is_open() || !exchange_.is_idle() || connection_ == nullptr) return;
  Deadline::call_off();
  ListLink<Http2Request>::unlink();
  ahead_.clear();
  if (ahead_.capacity() > waiting_bytes_kept) std::string().swap(ahead_);
  forget_request();
  arena_.release();
  std::exchange(connection_, nullptr)->release(*this);
}

// --- the tunnel --------------------------------------------------------------------------------

void Http2Request::tell_tunnel(std::string_view bytes) {
  // Nobody edits them.
  tunnel_.events_->on_read({const_cast<char*>(bytes.data()), bytes.size()});
  if (!ServerStream::is_open()) return;
  if (tunnel_.pauses_ != 0) {
    held_bytes_ += bytes.size();
  } else {
    consume(bytes.size());
  }
}

void Http2TunnelStream::listen(Events& events) {
  events_ = &events;
  request_.lose_body();  // it has them
  if (request_.is_request_whole()) request_.end_is_told_ = true;
}

void Http2TunnelStream::pause(net::Pause reason) { pauses_ |= static_cast<uint8_t>(reason); }

void Http2TunnelStream::resume(net::Pause reason) {
  if (pauses_ == 0) return;
  pauses_ &= static_cast<uint8_t>(~static_cast<unsigned>(reason));
  if (pauses_ == 0) request_.connection_->wake_soon(request_);
}

void Http2TunnelStream::write(std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) request_.ServerStream::write(piece);
}

size_t Http2TunnelStream::queued_bytes() const { return request_.ServerStream::queued_bytes(); }
void Http2TunnelStream::watermarks(size_t high) { request_.ServerStream::high_mark(high); }
size_t Http2TunnelStream::high_mark() const { return request_.ServerStream::high_mark(); }
void Http2TunnelStream::shutdown() { request_.ServerStream::end({}); }
const net::Address& Http2TunnelStream::peer() const {
  return request_.connection_->stream().peer();
}
const net::Address& Http2TunnelStream::local() const {
  return request_.connection_->stream().local();
}
net::Loop& Http2TunnelStream::loop() { return request_.bench_.loop; }
int Http2TunnelStream::descriptor() const { return request_.connection_->stream().descriptor(); }

// --- those not in use --------------------------------------------------------------------------

std::unique_ptr<Http2Request> Http2Requests::take() {
  if (kept_.empty()) return std::make_unique<Http2Request>(bench_);
  auto request = std::move(kept_.back());
  kept_.pop_back();
  return request;
}

void Http2Requests::give(std::unique_ptr<Http2Request> request) {
  if (kept_.size() < kept_max) return kept_.push_back(std::move(request));
  bench_.loop.bury(std::move(request));  // its session may be just closing its stream
}

}  // namespace causeway::router
