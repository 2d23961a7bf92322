#include "router/proxy/failure.h"

#include "base/check.h"
#include "http2/client_session.h"
#include "tls/trouble.h"

namespace causeway::router {
namespace {

using enum Failure;

// Resets and early ends before the reply may be sent again when replayable, on whatever connection
// they happened: the original does so for connections it had kept only, and a killed instance would
// then fail its clients (doc/adr/0008).
constexpr FailureRow failure_table[] = {
    // failure, name, again, marks, proves wrong, status, text, body
    {dial_refused, "dial_refused", Again::always, true, true, 502,
     "dial tcp: connect: connection refused"},
    {dial_timeout, "dial_timeout", Again::always, true, true, 502, "dial tcp: i/o timeout"},
    {dial_unreachable, "dial_unreachable", Again::always, true, true, 502,
     "dial tcp: connect: no route to host"},
    {name_unresolved, "name_unresolved", Again::always, true, true, 502,
     "dial tcp: lookup: no such host"},
    {tls_unsupported, "tls_unsupported", Again::always, true, false, 502,
     "TLS to endpoints is not supported"},
    {tls_timeout, "tls_timeout", Again::always, true, true, 502, "net/http: TLS handshake timeout"},
    {tls_handshake_failed, "tls_handshake_failed", Again::always, true, true, 525,
     "remote error: tls: handshake failure", "525 SSL Handshake Failed\n"},
    {tls_certificate_refused, "tls_certificate_refused", Again::always, true, true, 496,
     "remote error: tls: bad certificate", "496 SSL Certificate Required\n"},
    {tls_untrusted, "tls_untrusted", Again::always, true, true, 526,
     "x509: certificate signed by unknown authority", "526 Invalid SSL Certificate\n"},
    {tls_wrong_name, "tls_wrong_name", Again::always, true, true, 503,
     "x509: certificate is valid for other names", "503 Service Unavailable\n"},
    {reset_before_reply, "reset_before_reply", Again::if_replayable, true, false, 502,
     "read: connection reset by peer"},
    {closed_before_reply, "closed_before_reply", Again::if_replayable, false, false, 502, "EOF"},
    {stream_refused, "stream_refused", Again::always, false, false, 502,
     "stream error: REFUSED_STREAM; received from peer"},
    {http1_required, "http1_required", Again::never, false, false, 502,
     "stream error: HTTP_1_1_REQUIRED; received from peer"},
    {stream_reset, "stream_reset", Again::never, false, false, 502,
     "stream error: received from peer"},
    {malformed_reply, "malformed_reply", Again::never, false, false, 502,
     "malformed HTTP response"},
    {reply_head_too_large, "reply_head_too_large", Again::never, false, false, 502,
     "server response headers exceeded the limit"},
    {too_many_reply_headers, "too_many_reply_headers", Again::never, false, false, 502,
     "Too many response headers"},
    {endpoint_timeout, "endpoint_timeout", Again::never, false, false, 502,
     "context deadline exceeded"},
    {wrong_upgrade, "wrong_upgrade", Again::never, false, false, 502,
     "backend tried to switch protocol"},
    {no_endpoint, "no_endpoint", Again::never, false, false, 502, "No endpoints available"},
    {client_gone, "client_gone", Again::never, false, false, 499, "context canceled"},
    {broken_body, "broken_body", Again::never, false, false, 0, "unexpected EOF"},
};

}  // namespace

const FailureRow& failure_row(Failure failure) noexcept {
  const auto index = static_cast<size_t>(failure);
  CHECK(index < std::size(failure_table) && failure_table[index].failure == failure);
  return failure_table[index];
}

Failure dial_failure(const Error& error) noexcept {
  switch (error.fault) {
    case Fault::refused:
      return dial_refused;
    case Fault::timeout:
      return dial_timeout;
    default:
      return dial_unreachable;
  }
}

Failure tls_failure(const Error& error) noexcept {
  if (error.fault == Fault::timeout) return tls_timeout;
  switch (tls::trouble_of(error)) {
    case tls::Trouble::wrong_name:
      return tls_wrong_name;
    case tls::Trouble::untrusted:
      return tls_untrusted;
    case tls::Trouble::refused_certificate:
      return tls_certificate_refused;
    case tls::Trouble::none:
    case tls::Trouble::other:
      break;
  }
  return tls_handshake_failed;
}

Failure reply_failure(const Error& error) noexcept {
  // A server of TLS 1.3 refuses a client's certificate when the client has finished already.
  if (tls::trouble_of(error) == tls::Trouble::refused_certificate) return tls_certificate_refused;
  switch (error.fault) {
    case Fault::closed:
      return closed_before_reply;
    case Fault::protocol:
      return malformed_reply;
    case Fault::limit:
      return reply_head_too_large;
    default:
      return reset_before_reply;
  }
}

Failure stream_failure(const http2::StreamFailure& failure) noexcept {
  switch (failure.kind) {
    case http2::StreamFailure::Kind::refused:
      return stream_refused;
    case http2::StreamFailure::Kind::http1_required:
      return http1_required;
    case http2::StreamFailure::Kind::reset:
      return stream_reset;
    case http2::StreamFailure::Kind::malformed:
      return malformed_reply;
    case http2::StreamFailure::Kind::head_too_large:
      return reply_head_too_large;
    case http2::StreamFailure::Kind::closed:
      return failure.error != nullptr ? reply_failure(*failure.error) : closed_before_reply;
    case http2::StreamFailure::Kind::broken:
      return failure.error != nullptr ? reply_failure(*failure.error) : reset_before_reply;
  }
  return reset_before_reply;
}

}  // namespace causeway::router
