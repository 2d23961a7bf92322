#include "router/backend/backend_connection.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/check.h"
#include "router/backend/backend_pool.h"

namespace causeway::router {

BackendConnection::BackendConnection(BackendPool& pool, EndpointId endpoint, uint32_t identity,
                                     std::unique_ptr<net::Stream> stream, http::HeadLimits limits)
    : pool_(pool),
      endpoint_(endpoint),
      identity_(identity),
      stream_(std::move(stream)),
      arena_(pool.arena_blocks()),
      parser_(arena_, limits, *this) {
  stream_->watermarks(pool_.options().buffer_bytes_max);
  stream_->listen(*this);
}

BackendConnection::~BackendConnection() { CHECK(user_ == nullptr); }

void BackendConnection::use(User& user, std::string_view method) {
  CHECK(user_ == nullptr && !has_ended_);
  call_off();
  user_ = &user;
  ++uses_;
  keeps_alive_ = false;
  arena_.reset();
  parser_.expect(method);
}

void BackendConnection::rest() {
  CHECK(is_reusable());
  user_ = nullptr;
  arena_.release();
  pool_.idle_deadlines().arm(*this);
}

void BackendConnection::end() {
  has_ended_ = true;
  user_ = nullptr;
  call_off();
}

bool BackendConnection::is_reusable() const {
  return !has_ended_ && !is_spoilt_ && keeps_alive_ && parser_.is_complete() &&
         stream_->queued_bytes() == 0;
}

bool BackendConnection::is_quiet() const {
  char byte;
  const ssize_t size = ::recv(stream_->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void BackendConnection::on_read(std::span<char> bytes) {
  if (has_ended_) return;
  if (user_ == nullptr) return pool_.drop(*this);  // nothing was asked
  const std::string_view view(bytes.data(), bytes.size());
  const auto fed = parser_.feed(view);
  if (user_ == nullptr) return;  // ended by an event
  if (!fed) {
    is_spoilt_ = true;
    return user_->on_backend_failure(fed.error());
  }
  const std::string_view rest = view.substr(*fed);
  if (!rest.empty()) is_spoilt_ = true;
  user_->on_backend_read_done(rest);
}

void BackendConnection::on_end() {
  if (has_ended_) return;
  is_spoilt_ = true;
  if (user_ == nullptr) return pool_.drop(*this);
  const auto finished = parser_.finish();
  if (user_ == nullptr) return;
  if (!finished) return user_->on_backend_failure(finished.error());
  user_->on_backend_read_done({});
}

void BackendConnection::on_failure(const Error& error) {
  if (has_ended_) return;
  is_spoilt_ = true;
  if (user_ == nullptr) return pool_.drop(*this);
  user_->on_backend_failure(error);
}

void BackendConnection::on_drained() {
  if (!has_ended_ && user_ != nullptr) user_->on_backend_drained();
}

void BackendConnection::on_reply(http::ReplyHead& head) {
  if (user_ == nullptr) return parser_.stop();
  keeps_alive_ = head.keep_alive;
  user_->on_reply(head);
  if (user_ == nullptr) parser_.stop();
}

void BackendConnection::on_reply_body(std::string_view bytes) {
  if (user_ == nullptr) return parser_.stop();
  user_->on_reply_body(bytes);
  if (user_ == nullptr) parser_.stop();
}

void BackendConnection::on_reply_end(const http::Headers& trailers) {
  if (user_ != nullptr) user_->on_reply_end(trailers);
}

void BackendConnection::on_deadline() { pool_.drop(*this); }

}  // namespace causeway::router
