#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace causeway {

// What went wrong, in one word. The words are used alike in code, logs and metrics (`fault_name`).
enum class Fault : uint8_t {
  invalid,      // input that breaks a rule: configuration, message, argument
  not_found,    // the named thing does not exist
  exists,       // it exists already
  conflict,     // somebody else changed it first
  unsupported,  // a feature that is not built, or switched off
  limit,        // one of our limits (doc/limits.md) was met
  timeout,      // a deadline of ours passed
  cancelled,    // its owner gave it up
  refused,      // connection refused
  unreachable,  // no route to the peer, name not resolved
  reset,        // connection reset or broken pipe
  closed,       // the peer ended the stream earlier than its protocol allows
  protocol,     // bytes that break the peer's protocol
  unavailable,  // the service behind it (Redis, NATS, a cell) is away for now
  io,           // any other failure of the operating system; `os` holds errno
  internal,     // a failure of our own that does not warrant an abort
  no_route,     // router: no pool for host and path
  no_endpoint,  // router: pool without a usable endpoint
};

// Who caused it.
enum class Side : uint8_t { client, backend, self };

// May another attempt be made.
enum class Retry : uint8_t { never, if_unsent, always };

// An expected failure, as a value. `detail` is for people; empty on the data path, where errors do
// not allocate.
struct Error {
  Fault fault = Fault::internal;
  Side side = Side::self;
  Retry retry = Retry::never;
  int os = 0;  // errno of the failed call, 0 when there was none
  std::string detail = {};
};

// The stable snake_case word for a fault. Any thread.
std::string_view fault_name(Fault fault) noexcept;

// The Fault that fits an errno (ECONNREFUSED -> refused ...).
Fault fault_of_errno(int os) noexcept;

// One line for logs and people: "refused: connect 127.0.0.1:80 (errno 111)".
std::string to_string(const Error& error);

}  // namespace causeway
