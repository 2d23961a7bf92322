#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace causeway::http2 {
struct StreamFailure;
}

namespace causeway::router {

// How an attempt at an endpoint can fail (gorouter.md section 5). Also the word in logs.
enum class Failure : uint8_t {
  dial_refused,
  dial_timeout,
  dial_unreachable,
  name_unresolved,
  tls_unsupported,
  tls_timeout,
  tls_handshake_failed,
  tls_certificate_refused,  // ours, by the endpoint
  tls_untrusted,
  tls_wrong_name,
  reset_before_reply,
  closed_before_reply,
  stream_refused,  // by an endpoint that speaks HTTP/2 and has not looked at the request
  http1_required,  // by such an endpoint, which serves the request over HTTP/1.1
  stream_reset,    // by such an endpoint, for a reason of its own
  malformed_reply,
  reply_head_too_large,
  too_many_reply_headers,
  endpoint_timeout,
  wrong_upgrade,
  no_endpoint,
  client_gone,
  broken_body,  // after the reply's head was passed on
};

// May the request be sent again?
enum class Again : uint8_t {
  never,
  if_replayable,  // idempotent, without a body: to have it answered twice does no harm
  always,         // no byte of it can have reached the app
};

struct FailureRow {
  Failure failure;
  std::string_view name;  // in logs
  Again again;
  bool marks_failed;      // the endpoint is passed over for a while
  bool proves_wrong;      // it is not what was registered: with TLS it is forgotten
  uint16_t status;        // of the error reply; 0: the client connection is cut instead
  std::string_view text;  // inside X-Cf-Routererror: endpoint_failure (...)
  // Of the error reply instead of the usual one, word for word.
  std::string_view body = {};
};

// The whole policy in one table.
const FailureRow& failure_row(Failure failure) noexcept;

// What an error means while connecting, and while waiting for or reading a reply.
Failure dial_failure(const Error& error) noexcept;
Failure tls_failure(const Error& error) noexcept;
Failure reply_failure(const Error& error) noexcept;
Failure stream_failure(const http2::StreamFailure& failure) noexcept;

}  // namespace causeway::router
