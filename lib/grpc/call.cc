#include "grpc/call.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::grpc {

namespace {

constexpr std::string_view kContentType = "application/grpc";
constexpr size_t kPrefixBytes = 5;  // compressed or not, and the length
constexpr size_t kWriteBytes = 64u << 10;
constexpr size_t kDiscardedBytesMax = 16u << 20;  // of a message that is too long

// As the protocol wants grpc-message: visible ASCII but '%', the rest in hexadecimal.
std::string percent_encoded(std::string_view text) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 && code < 0x7f && c != '%') {
      encoded += c;
    } else {
      encoded += {'%', digits[code >> 4], digits[code & 15]};
    }
  }
  return encoded;
}

std::string prefixed(std::string_view message) {
  std::string bytes(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes += static_cast<char>(message.size() >> shift & 0xff);
  return bytes.append(message);
}

// The one message of a call; an answer when it is none that can be read.
std::optional<Answer> unwrap(std::string& body) {
  if (body.size() < kPrefixBytes) return Answer{Status::internal, "the call has no message", {}};
  if (body[0] != 0) return Answer{Status::unimplemented, "compression is not supported", {}};
  size_t size = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) size = size << 8 | static_cast<unsigned char>(body[i]);
  if (size != body.size() - kPrefixBytes)
    return Answer{Status::internal, "the call is not exactly one message", {}};
  body.erase(0, kPrefixBytes);
  return std::nullopt;
}

}  // namespace

Call::Call(Server::State& server, Connection& connection, uint64_t number)
    : server_(server), connection_(connection), number_(number) {}

void Call::on_body(std::string_view bytes) {
  body_bytes_ += bytes.size();
  is_too_long_ = body_bytes_ > server_.options.message_bytes_max + kPrefixBytes;
  if (!is_too_long_) body_.append(bytes);
  // Clients like to be answered when they have said all.
  if (body_bytes_ > kDiscardedBytesMax) return reset(http2::ErrorCode::cancel);
  consume(bytes.size());
}

void Call::on_fed() {
  if (has_begun_) return;
  if (refusal() == 0 && !is_request_whole()) return;
  has_begun_ = true;
  begin();
}

void Call::begin() {
  const http::Headers none;
  if (refusal() != 0) return reply(refusal(), none, true);
  if (!head().headers.get("content-type").starts_with(kContentType)) return reply(415, none, true);
  if (head().method != "POST") return reply(405, none, true);
  if (is_too_long_) return answer({Status::resource_exhausted, "the message is too long", {}});
  const auto method = server_.methods.find(head().target);
  if (method == server_.methods.end())
    return answer({Status::unimplemented, "unknown method " + std::string(head().target), {}});
  if (const auto bad = unwrap(body_)) return answer(*bad);
  // The call may end before its answer comes.
  method->second(std::move(body_), [&server = server_, number = number_](const Answer& answer) {
    const auto found = server.calls.find(number);
    if (found != server.calls.end()) found->second->answer(answer);
  });
}

void Call::answer(const Answer& answer) {
  if (!is_open()) return;
  server_.calls.erase(number_);  // once
  const std::string status = std::to_string(static_cast<int>(answer.status));
  http::Headers head, trailers;
  head.add("content-type", kContentType);
  if (answer.status != Status::ok) {
    ++server_.failed;
    const std::string message = percent_encoded(answer.message);
    head.add("grpc-status", status);
    head.add("grpc-message", message);
    return reply(200, head, true);
  }
  reply(200, head, false);
  write(prefixed(answer.body));
  trailers.add("grpc-status", status);
  end(trailers);
}

void Call::on_closed(bool) {
  server_.calls.erase(number_);
  connection_.forget(*this);
}

Connection::Connection(Server::State& server, std::unique_ptr<net::Stream> stream)
    : server_(server),
      stream_(std::move(stream)),
      session_(server.memory, *this,
               [&] {
                 http2::ServerLimits limits;
                 limits.streams_max = server.options.calls_max;
                 limits.head_bytes_max = 16u << 10;
                 return limits;
               }()),
      flush_timer_(server.loop),
      idle_timer_(server.loop) {}

void Connection::open() {
  stream_->listen(*this);
  idle_timer_.once(server_.options.idle_timeout, [this] { drain(); });
  flush();  // the settings
}

void Connection::on_read(std::span<char> bytes) {
  if (!is_draining_) idle_timer_.extend(server_.options.idle_timeout);
  session_.feed({bytes.data(), bytes.size()}, server_.loop.now());
  flush();
}

http2::ServerStream& Connection::on_stream() {
  auto call = std::make_unique<Call>(server_, *this, server_.next_call++);
  Call& begun = *call;
  server_.calls.emplace(begun.number(), &begun);
  calls_.emplace(&begun, std::move(call));
  return begun;
}

void Connection::forget(Call& call) {
  const auto found = calls_.find(&call);
  CHECK(found != calls_.end());
  server_.loop.bury(std::move(found->second));
  calls_.erase(found);
}

void Connection::on_output_waiting() {
  if (!flush_timer_.is_armed()) flush_timer_.once(Duration::zero(), [this] { flush(); });
}

void Connection::on_violation(bool is_flood) {
  server_.logger.info("client-broke-protocol",
                      {{"remote", stream_->peer().to_string()}, {"flood", is_flood}});
}

void Connection::flush() {
  if (has_ended_) return;
  std::string out;
  while (!stream_->is_full()) {
    out.clear();
    if (!session_.take_output(out, kWriteBytes)) break;
    stream_->write(out);
  }
  if (session_.is_over()) end();
}

void Connection::drain() {
  if (has_ended_ || std::exchange(is_draining_, true)) return;
  // A call that its client has begun and never sends is not waited for any longer.
  idle_timer_.once(server_.options.idle_timeout, [this] { end(); });
  session_.announce_shutdown();
  session_.shutdown();
  flush();
}

void Connection::end() {
  if (std::exchange(has_ended_, true)) return;
  flush_timer_.disarm();
  idle_timer_.disarm();
  session_.close_streams();
  stream_.reset();
  server_.forget(*this);
}

}  // namespace causeway::grpc
