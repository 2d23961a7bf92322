#include "router/proxy/failure.h"

#include "base/check.h"

namespace causeway::router {
namespace {

using enum Failure;

// Resets and early ends before the reply may be sent again when replayable, on whatever connection
// they happened: the original does so for connections it had kept only, and a killed instance would
// then fail its clients (doc/adr/0008).
constexpr FailureRow failure_table[] = {
    // failure              name                      again                 marks  status text
    {dial_refused, "dial_refused", Again::always, true, 502,
     "dial tcp: connect: connection refused"},
    {dial_timeout, "dial_timeout", Again::always, true, 502, "dial tcp: i/o timeout"},
    {dial_unreachable, "dial_unreachable", Again::always, true, 502,
     "dial tcp: connect: no route to host"},
    {name_unresolved, "name_unresolved", Again::always, true, 502,
     "dial tcp: lookup: no such host"},
    {tls_unsupported, "tls_unsupported", Again::always, true, 502,
     "TLS to endpoints is not supported"},
    {reset_before_reply, "reset_before_reply", Again::if_replayable, true, 502,
     "read: connection reset by peer"},
    {closed_before_reply, "closed_before_reply", Again::if_replayable, false, 502, "EOF"},
    {malformed_reply, "malformed_reply", Again::never, false, 502, "malformed HTTP response"},
    {reply_head_too_large, "reply_head_too_large", Again::never, false, 502,
     "server response headers exceeded the limit"},
    {too_many_reply_headers, "too_many_reply_headers", Again::never, false, 502,
     "Too many response headers"},
    {endpoint_timeout, "endpoint_timeout", Again::never, false, 502, "context deadline exceeded"},
    {wrong_upgrade, "wrong_upgrade", Again::never, false, 502, "backend tried to switch protocol"},
    {no_endpoint, "no_endpoint", Again::never, false, 502, "No endpoints available"},
    {client_gone, "client_gone", Again::never, false, 499, "context canceled"},
    {broken_body, "broken_body", Again::never, false, 0, "unexpected EOF"},
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

Failure reply_failure(const Error& error) noexcept {
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

}  // namespace causeway::router
