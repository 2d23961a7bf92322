#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cell/executor/tally.h"
#include "cf/models/models.h"

namespace causeway::executor {

// What a container takes, or a cell has. MB and pieces.
struct Resources {
  int64_t memory_mb = 0;
  int64_t disk_mb = 0;
  int64_t containers = 0;
  friend bool operator==(const Resources&, const Resources&) = default;
};

enum class State : uint8_t { reserved, initializing, created, running, completed };
std::string_view state_name(State state);  // "reserved" ...

// What a container uses just now.
struct Usage {
  int64_t memory_bytes = 0;
  int64_t cpu_ns = 0;  // since its start
};

// How a completed container ended.
struct RunResult {
  bool failed = false;
  std::string reason;  // "" when it did not fail
  bool retryable =
      false;  // it was never created: another cell may try (tasks are rejected, not failed)
  bool stopped = false;  // because stop() was asked
};

// One container as its owner sees it. A value; `tags` are the rep's own (process guid, index,
// domain, lifecycle ...) and come back untouched.
struct Container {
  std::string guid;  // instance guid or task guid
  State state = State::reserved;
  Resources resources;
  std::map<std::string, std::string> tags;
  models::ActualLRPNetInfo net_info;  // from created on
  bool is_ready = true;               // readiness checks pass: routable
  RunResult result;                   // when completed
  Instant allocated_at{};             // not known again by the next rep
};

// A claim on capacity, before anything is made.
struct Allocation {
  std::string guid;
  Resources resources;
  std::map<std::string, std::string> tags;
};

// Everything needed to run a reserved container. The rep fills it from a DesiredLRP or a
// TaskDefinition.
struct RunRequest {
  std::string guid;
  std::string root_fs;
  std::vector<models::EnvironmentVariable>
      env;  // container-wide; the executor adds CF_INSTANCE_IP, _PORT, _PORTS, _ADDR, _INTERNAL_IP
  models::Action setup, action, monitor;  // absent: no field set in it
  std::vector<models::Action> sidecars;   // beside the action, in the container's limits
  models::CheckDefinition checks;
  bool is_long_running =
      false;  // even a clean end of its action is a failure, and its checks decide when it runs
  int64_t start_timeout_ms = 0;  // 0: none
  std::vector<uint16_t> ports;
  std::vector<models::SecurityGroupRule> egress;
  int64_t max_pids = 0;
  uint32_t cpu_weight = 0;
  bool privileged = false;
  std::string log_guid;  // app logs are kept under it
  std::string log_source;
  int32_t log_index = 0;
  int64_t log_bytes_per_second = -1;
  std::map<std::string, std::string> tags;  // merged into the container's
};

// Runs containers of one cell from reservation to removal (spec: diego.md section 18). All calls
// return at once. Events come on the loop, never from inside a call. After a restart of the rep,
// containers that were running are there again, in their state, before the first event. Owner:
// main(). Thread: its loop's.
class Executor {
 public:
  using Done = std::function<void(Result<void>)>;
  class Events {
   public:
    // The container's state, readiness or result has changed.
    virtual void on_container(const Container& container) = 0;

   protected:
    ~Events() = default;
  };

  virtual ~Executor() = default;
  virtual void listen(Events& events) = 0;

  virtual Resources total() const = 0;
  virtual Resources remaining() const = 0;
  // reserved .. created: counted against the in-flight cap of the auctioneer.
  virtual int64_t starting() const = 0;
  // Can it run containers, as far as is known?
  virtual bool is_healthy() const = 0;

  // Fault::exists for a known guid, Fault::limit when there is no room.
  virtual Result<void> allocate(Allocation allocation) = 0;
  // reserved -> initializing -> created -> running -> completed. Fault::not_found, or
  // Fault::conflict when it is not reserved.
  virtual Result<void> run(RunRequest request) = 0;
  // TERM, after the graceful interval KILL; completed with `stopped`. A reserved one completes at
  // once. Fault::not_found.
  virtual Result<void> stop(const std::string& guid) = 0;
  // Frees everything; the container is unknown afterwards. Also of one that runs.
  virtual void remove(const std::string& guid, Done done) = 0;
  // Tags that are no longer there are dropped. No event.
  virtual Result<void> update(const std::string& guid, std::map<std::string, std::string> tags) = 0;
  // A line of the app's log that the cell says: "Cell ID TEXT".
  virtual void say(const std::string& guid, const std::string& text) = 0;

  virtual std::vector<Container> list() const = 0;
  virtual const Container* find(const std::string& guid) const = 0;
  // Fault::not_found. Blocks for the read of two small files.
  virtual Result<Usage> usage(const std::string& guid) const = 0;
  // Bytes on disk of what the container has written; Fault::limit for trees too large to be
  // counted. Takes its time.
  virtual void measure_disk(const std::string& guid, std::function<void(Result<int64_t>)> done) = 0;
  virtual const Tally& tally() const = 0;
  // A file inside the container; Fault::limit when longer than `bytes_max`.
  virtual void read_file(const std::string& guid, const std::string& path, size_t bytes_max,
                         std::function<void(Result<std::string>)> done) = 0;
};

}  // namespace causeway::executor
