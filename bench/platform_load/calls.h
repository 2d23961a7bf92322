#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/measure/histogram.h"
#include "rpc/client.h"

namespace causeway::platform {

// What is asked of a bbs.
enum class Operation : uint8_t {
  desire_lrp,
  claim,
  start,
  heart_beat,  // a start that changes nothing
  route_flip,  // a start that changes one field
  crash,
  desired_by_guid,
  lrps_of_cell,
  all_actual,
  all_scheduling,
  all_routing,
  all_desired,
  remove_actual,
  remove_desired,
  desire_task,
  start_task,
  complete_task,
  resolve_task,
  delete_task,
};
inline constexpr size_t operations = static_cast<size_t>(Operation::delete_task) + 1;

// A name, the path, and what the original bbs was measured to do (16 clients, mutual TLS, Postgres
// on two CPUs); 0: not measured.
struct OperationFacts {
  const char* name;
  const char* path;
  double original_rate;
  double original_p50_ms, original_p99_ms;
};
const OperationFacts& facts_of(Operation operation);

// Of one operation, since it was forgotten last. A value.
struct OperationTally {
  load::Histogram latency{3};  // nanoseconds, from sending to the whole reply
  uint64_t failures = 0;
  std::string example;  // of a failure
  Instant first_sent{}, last_done{};
  uint64_t bytes = 0;          // of replies
  double bbs_cpu_seconds = 0;  // of all calls, as far as it was measured
};

// Calls to a bbs, at most so many at a time; more wait, unsent and untimed. Owner: a run. Thread:
// its loop's. Ends: nobody is told any more.
class Calls {
 public:
  using Body = std::function<std::string()>;  // made when its turn comes
  using OnReply = std::function<void(const Result<std::string>& body)>;

  // `identity`: for a bbs with TLS; outlives the calls.
  Calls(net::Loop& loop, std::string bbs_url, size_t at_once, Duration timeout,
        rpc::Identity* identity = nullptr);
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // Calls back with the reply's bytes, or with why there was none; a refusal of the bbs is an error
  // too.
  void add(Operation operation, Body body, OnReply on_reply = {});
  void at_once(size_t calls) { at_once_ = calls; }
  bool is_idle() const { return in_flight_ == 0 && waiting_.empty(); }
  size_t waiting() const { return waiting_.size(); }

  const OperationTally& tally(Operation operation) const {
    return tallies_[static_cast<size_t>(operation)];
  }
  void forget();
  // The bbs has worked that long on calls of that kind.
  void charge(Operation operation, double bbs_cpu_seconds) {
    tallies_[static_cast<size_t>(operation)].bbs_cpu_seconds += bbs_cpu_seconds;
  }
  // Also sees every reply: when it was sent and how long it took.
  void on_sample(std::function<void(Operation, Instant sent, Duration took)> callback) {
    on_sample_ = std::move(callback);
  }

 private:
  struct Call {
    Operation operation{};
    Body body;
    OnReply on_reply;
  };
  void pump();
  void send(Call call);

  const std::string bbs_url_;
  size_t at_once_;
  const Duration timeout_;
  std::deque<Call> waiting_;
  size_t in_flight_ = 0;
  bool is_pumping_ = false;
  std::array<OperationTally, operations> tallies_;
  std::function<void(Operation, Instant, Duration)> on_sample_;
  rpc::Client client_;
};

}  // namespace causeway::platform
