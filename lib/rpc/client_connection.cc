#include "rpc/client_connection.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "http/h1_writer.h"

namespace causeway::rpc {

namespace {

// A reply's head from one of our own services: generous, yet bounded.
constexpr http::HeadLimits kReplyHeadLimits{.head_bytes_max = 64u << 10, .headers_max = 1000};
// Memory set aside for a body before its bytes have come, whatever length its head claims.
constexpr uint64_t kBodyReserveMax = 1u << 20;

bool is_framing(std::string_view name) {
  return http::equals_ignoring_case(name, "Host") ||
         http::equals_ignoring_case(name, "Connection") ||
         http::equals_ignoring_case(name, "Content-Length") ||
         http::equals_ignoring_case(name, "Transfer-Encoding");
}

}  // namespace

std::string request_head(const Call& call, const Url& url, bool has_body) {
  http::Headers headers;
  headers.add("Host", url.authority);
  for (const auto& [name, value] : call.headers) {
    if (!is_framing(name)) headers.add(name, value);
  }
  const std::string length = std::to_string(call.body.size());
  if (has_body) headers.add("Content-Length", length);
  std::string head;
  http::append_request_head(head, call.method, url.target, http::Version{1, 1}, headers);
  return head;
}

void copy_head(const http::ReplyHead& head, Reply& reply) {
  reply.status = head.status;
  reply.headers.clear();
  reply.headers.reserve(head.headers.size());
  for (const http::Header& header : head.headers)
    reply.headers.emplace_back(header.name, header.value);
}

ClientConnection::ClientConnection(HostPool& pool)
    : pool_(pool),
      loop_(pool.shared().loop),
      parser_(arena_, kReplyHeadLimits, *this),
      idle_timer_(loop_) {
  dialer_ = std::make_unique<Dialer>(
      loop_, pool.host(), pool.port(), pool.dialing(),
      [this](Result<std::unique_ptr<net::Stream>> stream) { dialled(std::move(stream)); });
}

void ClientConnection::carry(std::unique_ptr<PendingCall> pending) {
  CHECK(!has_ended_ && pending_ == nullptr);
  pending_ = std::move(pending);
  pending_->connection = this;
  idle_timer_.disarm();
  if (stream_ != nullptr) send_request();
}

void ClientConnection::abandon(Error error) {
  CHECK(pending_ != nullptr);
  if (stream_ == nullptr) error.retry = Retry::always;  // never sent
  pool_.finished(*this, std::move(pending_), std::move(error), false);
}

void ClientConnection::rest() {
  is_kept_ = true;
  idle_timer_.once(pool_.shared().options.idle_timeout, [this] { pool_.idle_ended(*this); });
}

void ClientConnection::end() {
  has_ended_ = true;
  idle_timer_.disarm();
  pending_.reset();
  if (stream_ != nullptr) stream_->pause(net::Pause::owner);
}

void ClientConnection::dialled(Result<std::unique_ptr<net::Stream>> stream) {
  if (has_ended_) return;
  CHECK(pending_ != nullptr);
  if (!stream) {
    pool_.finished(*this, std::move(pending_), std::move(stream).error(), false);
    return;
  }
  stream_ = std::move(*stream);
  stream_->listen(*this);
  send_request();
}

void ClientConnection::send_request() {
  arena_.reset();
  reply_ = {};
  parser_.expect(pending_->call.method);  // the reply before is no answer, whatever ends this call
  const auto& may_send = pool_.shared().options.may_send;
  if (may_send && !may_send()) return refuse_to_send();
  const Call& call = pending_->call;
  const bool has_body = !call.body.empty() || (call.method != "GET" && call.method != "HEAD");
  const std::string head = request_head(call, pending_->url, has_body);
  const std::array<std::string_view, 2> pieces{head, call.body};
  stream_->write(pieces);
}

// From a callback of its own: send() never calls back.
void ClientConnection::refuse_to_send() {
  idle_timer_.once(Duration::zero(), [this] {
    Error error{
        .fault = Fault::refused,
        .retry = Retry::always,
        .detail = pending_->call.method + " " + pending_->call.url + ": may not be sent now"};
    pool_.finished(*this, std::move(pending_), std::move(error), true);
  });
}

void ClientConnection::on_read(std::span<char> bytes) {
  if (has_ended_) return;
  if (pending_ == nullptr) {
    pool_.idle_ended(*this);  // nobody asked: not a peer to trust
    return;
  }
  auto used = parser_.feed({bytes.data(), bytes.size()});
  if (!used) {
    Error error = std::move(used).error();
    error.side = Side::backend;
    lost(std::move(error));
  } else if (refusal_) {
    lost(std::move(*refusal_));
  } else if (parser_.is_complete()) {
    const bool is_exact = *used == bytes.size() && stream_->queued_bytes() == 0;
    finish(is_exact && parser_.head().keep_alive &&
           parser_.head().framing != http::Framing::until_close);
  }
}

void ClientConnection::on_end() {
  if (has_ended_) return;
  if (pending_ == nullptr) {
    pool_.idle_ended(*this);
    return;
  }
  if (auto finished = parser_.finish(); !finished) {
    lost({.fault = Fault::closed, .side = Side::backend});
  } else {
    finish(false);
  }
}

void ClientConnection::on_failure(const Error& error) {
  if (has_ended_) return;
  if (pending_ == nullptr) {
    pool_.idle_ended(*this);
    return;
  }
  Error copy = error;
  copy.side = Side::backend;
  copy.retry = Retry::never;
  lost(std::move(copy));
}

void ClientConnection::on_reply(http::ReplyHead& head) {
  if (head.status == 101) {
    refusal_ = Error{.fault = Fault::protocol, .side = Side::backend, .detail = "unasked upgrade"};
    parser_.stop();
    return;
  }
  if (head.status < 200) return;
  copy_head(head, reply_);
  if (head.framing == http::Framing::length) {
    reply_.body.reserve(
        static_cast<size_t>(std::min({head.content_length, kBodyReserveMax,
                                      static_cast<uint64_t>(pending_->call.body_bytes_max)})));
  }
}

void ClientConnection::on_reply_body(std::string_view bytes) {
  if (reply_.body.size() + bytes.size() > pending_->call.body_bytes_max) {
    refusal_ = Error{.fault = Fault::limit, .side = Side::backend, .detail = "reply body too long"};
    parser_.stop();
    return;
  }
  reply_.body.append(bytes);
}

void ClientConnection::on_reply_end(const http::Headers&) {}

void ClientConnection::finish(bool reusable) {
  pool_.finished(*this, std::move(pending_), std::move(reply_), reusable);
}

void ClientConnection::lost(Error error) {
  const bool is_transport = error.fault != Fault::protocol && error.fault != Fault::limit;
  if (is_kept_ && is_transport && !parser_.has_begun() && !pending_->is_retried) {
    pool_.died_unanswered(*this, std::move(pending_));
    return;
  }
  const std::string what = pending_->call.method + " " + pending_->call.url;
  error.detail = error.detail.empty() ? what : what + ": " + error.detail;
  pool_.finished(*this, std::move(pending_), std::move(error), false);
}

}  // namespace causeway::rpc
