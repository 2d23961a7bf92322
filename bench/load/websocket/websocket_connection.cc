#include "bench/load/websocket/websocket_connection.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/check.h"
#include "tls/digest.h"

namespace causeway::load {
namespace {

Error broken(const char* detail) {
  return {.fault = Fault::protocol, .side = Side::backend, .detail = detail};
}

}  // namespace

WebSocketMessage::WebSocketMessage(size_t bytes, uint64_t seed) : bytes_(bytes), rng_(seed) {
  for (uint8_t& byte : mask_) byte = static_cast<uint8_t>(rng_.next());
  http::append_frame_head(head_, http::Opcode::binary, bytes);
  head_[1] = static_cast<char>(static_cast<unsigned char>(head_[1]) | 0x80);
  for (const uint8_t byte : mask_) head_ += static_cast<char>(byte);
  rest_.assign(bytes - number_bytes(), 'm');
  http::apply_mask({rest_.data(), rest_.size()}, mask_, number_bytes());
}

std::array<char, WebSocketMessage::number_bytes_max> WebSocketMessage::spell(uint64_t number) {
  std::array<char, number_bytes_max> text{};
  std::memcpy(text.data(), &number, sizeof number);
  return text;
}

std::string_view WebSocketMessage::start(uint64_t number) {
  auto text = spell(number);
  http::apply_mask({text.data(), number_bytes()}, mask_, 0);
  start_ = head_;
  start_.append(text.data(), number_bytes());
  return start_;
}

std::string WebSocketMessage::new_key() {
  std::array<std::byte, 16> nonce{};
  for (std::byte& byte : nonce) byte = static_cast<std::byte>(rng_.next());
  return tls::base64(nonce);
}

void WebSocketMessage::append_masked(std::string& out, http::Opcode opcode,
                                     std::string_view payload) {
  const size_t at = out.size();
  http::append_frame_head(out, opcode, payload.size());
  out[at + 1] = static_cast<char>(static_cast<unsigned char>(out[at + 1]) | 0x80);
  for (const uint8_t byte : mask_) out += static_cast<char>(byte);
  const size_t begin = out.size();
  out += payload;
  http::apply_mask({out.data() + begin, payload.size()}, mask_, 0);
}

WebSocketConnection::WebSocketConnection(Dialer& dialer, const WebSocketPlan& plan,
                                         Place::Events& events, WebSocketMessage& message,
                                         size_t number)
    : dialer_(dialer),
      plan_(plan),
      events_(events),
      message_(message),
      request_(plan.requests[number % plan.requests.size()]),
      deadline_(dialer.loop),
      arena_(1024),
      parser_(arena_, http::HeadLimits{.head_bytes_max = 64u << 10, .headers_max = 1000}, *this) {}

WebSocketConnection::~WebSocketConnection() = default;

void WebSocketConnection::open() {
  is_opening_ = true;
  connect();
}

void WebSocketConnection::send_unit() {
  if (stream_) return ask();
  connect();
}

void WebSocketConnection::connect() {
  CHECK(phase_ == Phase::closed);
  phase_ = Phase::dialing;
  dial_ = std::make_unique<Dial>(dialer_, request_.address,
                                 [this](Result<Dialed> dialed) { on_dialed(std::move(dialed)); });
}

void WebSocketConnection::on_dialed(Result<Dialed> dialed) {
  dial_.reset();
  if (!dialed) return fail(failure_of(dialed.error(), true), dialed.error());
  stream_ = std::move(dialed->stream);
  stream_->listen(*this);
  events_.on_connected(dialed->facts);
  phase_ = Phase::upgrading;
  arena_.reset();
  parser_.expect("GET");
  is_accepted_ = false;
  in_frame_ = false;
  frame_head_.clear();
  key_ = message_.new_key();
  std::string head = request_.head;
  head.resize(head.size() - 2);  // the empty line
  head += "Sec-WebSocket-Key: " + key_ + "\r\n\r\n";
  events_.on_traffic(0, head.size());
  stream_->write(head);
  if (is_opening_)
    deadline_.once(plan_.timeout, [this] {
      fail(Failure::timeout,
           {.fault = Fault::timeout, .side = Side::backend, .detail = "no reply to the upgrade"});
    });
}

void WebSocketConnection::on_upgraded() {
  deadline_.disarm();
  phase_ = Phase::idle;
  if (!std::exchange(is_opening_, false)) return ask();
  events_.on_opened(*this, nullptr);
}

void WebSocketConnection::ask() {
  phase_ = Phase::asking;
  received_ = 0;
  is_equal_ = true;
  const std::array<std::string_view, 2> pieces{message_.start(++number_), message_.rest()};
  events_.on_traffic(0, pieces[0].size() + pieces[1].size());
  stream_->write(std::span(pieces.data(), pieces[1].empty() ? 1 : 2));
}

void WebSocketConnection::drop() {
  dial_.reset();
  stream_.reset();
  deadline_.disarm();
  phase_ = Phase::closed;
}

void WebSocketConnection::fail(Failure failure, const Error& error) {
  const bool is_idle = phase_ == Phase::idle;
  const Error copy = error;
  drop();
  if (std::exchange(is_opening_, false)) return events_.on_opened(*this, &copy);
  if (is_idle) return events_.on_dropped(copy);
  events_.on_failed(*this, failure, copy);
}

void WebSocketConnection::on_reply(http::ReplyHead& head) {
  status_ = head.status;
  const auto digest = tls::sha1(key_ + std::string(http::kAcceptGuid));
  is_accepted_ = head.headers.get("Sec-WebSocket-Accept") == tls::base64(digest);
}

bool WebSocketConnection::take_handshake(std::string_view& bytes) {
  const auto used = parser_.feed(bytes);
  if (!used) {
    fail(failure_of(used.error(), false), used.error());
    return false;
  }
  bytes.remove_prefix(*used);
  if (!parser_.head_complete() || (status_ < 200 && status_ != 101)) return true;
  if (status_ != 101 || !is_accepted_) {
    const std::string detail = status_ != 101
                                   ? "the upgrade was answered with " + std::to_string(status_)
                                   : "Sec-WebSocket-Accept is wrong";
    fail(Failure::protocol, {.fault = Fault::protocol, .side = Side::backend, .detail = detail});
    return false;
  }
  on_upgraded();
  return stream_ != nullptr;
}

bool WebSocketConnection::take_head(std::string_view& bytes) {
  // A head is 14 bytes at most: what is gathered of it stays small.
  const size_t before = frame_head_.size();
  frame_head_ += bytes.substr(0, 14);
  const auto parsed = http::parse_frame_head(frame_head_);
  if (!parsed || (*parsed && (*parsed)->masked)) {
    const Error error = parsed ? broken("a masked frame from the server") : parsed.error();
    fail(Failure::protocol, error);
    return false;
  }
  if (!*parsed) {
    bytes = {};
    return true;
  }
  frame_ = **parsed;
  bytes.remove_prefix(frame_.head_bytes - before);
  frame_head_.clear();
  in_frame_ = true;
  payload_left_ = frame_.payload_bytes;
  control_.clear();
  return true;
}

bool WebSocketConnection::take_payload(std::string_view& bytes) {
  const std::string_view part =
      bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), payload_left_)));
  bytes.remove_prefix(part.size());
  payload_left_ -= part.size();
  if (frame_.opcode >= http::Opcode::close) {
    control_ += part;
  } else {
    const auto number = WebSocketMessage::spell(number_);
    for (size_t i = 0; i < part.size() && received_ + i < message_.number_bytes(); ++i)
      is_equal_ = is_equal_ && part[i] == number[static_cast<size_t>(received_) + i];
    received_ += part.size();
  }
  return payload_left_ > 0 || finish_frame();
}

bool WebSocketConnection::finish_frame() {
  in_frame_ = false;
  if (frame_.opcode == http::Opcode::close) {
    fail(Failure::closed, {.fault = Fault::closed, .side = Side::backend});
    return false;
  }
  if (frame_.opcode == http::Opcode::ping) {
    std::string pong;
    message_.append_masked(pong, http::Opcode::pong, control_);
    stream_->write(pong);
    return true;
  }
  if (frame_.opcode == http::Opcode::pong || !frame_.final) return true;
  if (phase_ != Phase::asking || !is_equal_ || received_ != message_.bytes()) {
    fail(Failure::protocol, broken("a message that was not sent"));
    return false;
  }
  phase_ = Phase::idle;
  events_.on_replied(*this, 0);
  return stream_ != nullptr;
}

void WebSocketConnection::on_read(std::span<char> bytes) {
  events_.on_traffic(bytes.size(), 0);
  std::string_view rest(bytes.data(), bytes.size());
  while (!rest.empty()) {
    if (phase_ == Phase::upgrading) {
      if (!take_handshake(rest)) return;
      continue;
    }
    if (!in_frame_ && !take_head(rest)) return;
    if (!in_frame_) return;
    if (!take_payload(rest)) return;
  }
}

void WebSocketConnection::on_end() {
  fail(Failure::closed, {.fault = Fault::closed, .side = Side::backend});
}

void WebSocketConnection::on_failure(const Error& error) { fail(failure_of(error, false), error); }

}  // namespace causeway::load
