#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "bench/load/measure/histogram.h"

namespace causeway::load {

// Why a request got no reply.
enum class Failure : uint8_t {
  refused,          // connection refused
  unreachable,      // no route
  connect_timeout,  // the connection did not stand in time
  reset,            // reset, broken pipe
  closed,           // ended before its reply was complete
  timeout,          // no complete reply in time, counted from the intended send time
  unsent,           // the same, because no connection was free
  protocol,         // a reply that is no HTTP/1.x
  other,
};
inline constexpr size_t failure_kinds = static_cast<size_t>(Failure::other) + 1;

std::string_view failure_name(Failure failure) noexcept;
Failure failure_of(const Error& error, bool while_connecting) noexcept;

// What one worker has counted. Only requests meant to be sent inside the measured time are in it,
// except where a member says otherwise. A value that is merged. Thread: its worker's until that has
// ended.
struct Tally {
  Tally(int digits, size_t interval_count);
  void merge(const Tally& other);
  uint64_t failed() const;
  uint64_t replied() const { return latency.count() - late; }

  // Nanoseconds. Requests that timed out are in `latency` with the time they had waited, a lower
  // bound.
  Histogram latency;     // from the intended send time to the end of the reply
  Histogram service;     // from when a connection took it up
  Histogram send_delay;  // from when it was due and a connection was free to when it was sent: the
                         // generator's own
  uint64_t late = 0;     // entries of `latency` that timed out
  std::array<uint64_t, failure_kinds> failures{};
  std::array<std::string, failure_kinds> examples;  // the first of each kind, in words
  std::map<uint16_t, uint64_t> statuses;
  uint64_t unfinished = 0;          // in flight when the run was interrupted
  uint64_t connections = 0;         // opened after the start of the measured time
  uint64_t connections_in_all = 0;  // with those before and after it
  std::string tls_version;          // the first connection's
  uint64_t handshakes_full = 0, handshakes_resumed = 0;  // TLS, of all connections
  uint64_t dropped = 0;  // connections that ended with nothing in flight, inside the measured time
  std::string dropped_example;
  Histogram connect_time;  // of all connections, nanoseconds, with their handshakes
  uint64_t bytes_in = 0;   // whatever came and went inside the measured time
  uint64_t bytes_out = 0;

  // By the time of the reply, whenever it was meant to be sent.
  struct Interval {
    uint64_t replies = 0;
    uint64_t failures = 0;
    Histogram latency{2};
  };
  std::vector<Interval> intervals;

  double cpu_seconds = 0;           // of the worker's thread inside the measured time
  std::vector<double> thread_busy;  // share of the measured time, one for each worker
};

}  // namespace causeway::load
