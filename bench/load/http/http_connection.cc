#include "bench/load/http/http_connection.h"

#include <sys/socket.h>

#include <array>

namespace causeway::load {

HttpConnection::HttpConnection(Dialer& dialer, const HttpPlan& plan, Place::Events& events,
                               size_t address, size_t& cursor)
    : KeptPlace(dialer, events, address),
      plan_(plan),
      cursor_(cursor),
      arena_(1024),
      parser_(arena_, http::HeadLimits{.head_bytes_max = 64u << 10, .headers_max = 1000}, *this) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::begin() {
  arena_.reset();
  parser_.expect(plan_.method);
  const auto& requests = plan_.requests_of[address_];
  const HttpPlan::Request& request = plan_.requests[requests[cursor_++ % requests.size()]];
  const std::array<std::string_view, 2> pieces{request.head, plan_.body};
  events_.on_traffic(0, request.head.size() + plan_.body.size());
  stream_->write(std::span(pieces.data(), plan_.body.empty() ? 1 : 2));
}

void HttpConnection::finish_reply() {
  if (!keep_alive_ || plan_.close_each) stream_.reset();
  phase_ = stream_ ? Phase::idle : Phase::closed;
  events_.on_replied(*this, status_);
}

void HttpConnection::on_read(std::span<char> bytes) {
  events_.on_traffic(bytes.size(), 0);
  static const Error unasked{.fault = Fault::protocol,
                             .detail = "bytes that no request has asked for"};
  if (phase_ != Phase::busy) return fail(Failure::protocol, unasked);
  const std::string_view text(bytes.data(), bytes.size());
  const auto used = parser_.feed(text);
  if (!used) return fail(failure_of(used.error(), false), used.error());
  if (!parser_.is_complete()) return;
  if (*used < text.size()) return fail(Failure::protocol, unasked);
  finish_reply();
}

void HttpConnection::on_end() {
  static const Error ended{.fault = Fault::closed, .side = Side::backend};
  if (phase_ != Phase::busy) return fail(Failure::closed, ended);
  // libuv tells of an end when the last bytes and a reset come together; the socket knows better.
  int os = 0;
  socklen_t length = sizeof os;
  if (::getsockopt(stream_->descriptor(), SOL_SOCKET, SO_ERROR, &os, &length) == 0 && os != 0)
    return on_failure({.fault = fault_of_errno(os), .side = Side::backend, .os = os});
  keep_alive_ = false;
  if (const auto finished = parser_.finish(); !finished)
    return fail(failure_of(finished.error(), false), finished.error());
  finish_reply();
}

void HttpConnection::on_failure(const Error& error) { fail(failure_of(error, false), error); }

void HttpConnection::on_reply(http::ReplyHead& head) {
  status_ = head.status;
  keep_alive_ = head.keep_alive && head.status != 101;
}

void HttpConnection::on_reply_body(std::string_view) {}

void HttpConnection::on_reply_end(const http::Headers&) {}

}  // namespace causeway::load
