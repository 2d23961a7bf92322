#include "bench/load/measure/tally.h"

#include <numeric>

#include "base/check.h"

namespace causeway::load {

std::string_view failure_name(Failure failure) noexcept {
  switch (failure) {
    case Failure::refused:
      return "refused";
    case Failure::unreachable:
      return "unreachable";
    case Failure::connect_timeout:
      return "connect_timeout";
    case Failure::reset:
      return "reset";
    case Failure::closed:
      return "closed";
    case Failure::timeout:
      return "timeout";
    case Failure::unsent:
      return "unsent";
    case Failure::protocol:
      return "protocol";
    case Failure::other:
      break;
  }
  return "other";
}

Failure failure_of(const Error& error, bool while_connecting) noexcept {
  switch (error.fault) {
    case Fault::refused:
      return Failure::refused;
    case Fault::unreachable:
      return Failure::unreachable;
    case Fault::timeout:
      return while_connecting ? Failure::connect_timeout : Failure::timeout;
    case Fault::reset:
      return Failure::reset;
    case Fault::closed:
      return Failure::closed;
    case Fault::protocol:
    case Fault::limit:
      return Failure::protocol;
    default:
      return Failure::other;
  }
}

Tally::Tally(int digits, size_t interval_count)
    : latency(digits),
      service(digits),
      send_delay(digits),
      connect_time(digits),
      intervals(interval_count) {}

void Tally::merge(const Tally& other) {
  CHECK(intervals.size() == other.intervals.size());
  latency.merge(other.latency);
  service.merge(other.service);
  send_delay.merge(other.send_delay);
  late += other.late;
  for (size_t kind = 0; kind < failure_kinds; ++kind) {
    failures[kind] += other.failures[kind];
    if (examples[kind].empty()) examples[kind] = other.examples[kind];
  }
  for (const auto& [status, count] : other.statuses) statuses[status] += count;
  unfinished += other.unfinished;
  connections += other.connections;
  connections_in_all += other.connections_in_all;
  if (tls_version.empty()) tls_version = other.tls_version;
  handshakes_full += other.handshakes_full;
  handshakes_resumed += other.handshakes_resumed;
  dropped += other.dropped;
  if (dropped_example.empty()) dropped_example = other.dropped_example;
  connect_time.merge(other.connect_time);
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  for (size_t i = 0; i < intervals.size(); ++i) {
    intervals[i].replies += other.intervals[i].replies;
    intervals[i].failures += other.intervals[i].failures;
    intervals[i].latency.merge(other.intervals[i].latency);
  }
  cpu_seconds += other.cpu_seconds;
  thread_busy.insert(thread_busy.end(), other.thread_busy.begin(), other.thread_busy.end());
}

uint64_t Tally::failed() const {
  return std::accumulate(failures.begin(), failures.end(), uint64_t{0});
}

}  // namespace causeway::load
