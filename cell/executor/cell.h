#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cell/executor/executor.h"
#include "cell/executor/runtime_check.h"

namespace causeway::log {
class Logger;
}
namespace causeway::logs {
class LogStore;
}
namespace causeway::net {
class Loop;
}

namespace causeway::executor {

struct CellOptions {
  std::string cell_id;
  std::string state_dir;                       // made if absent; one rep at a time
  std::string shim_program;                    // causeway-shim; empty: beside our own binary
  std::string runtime = "auto";                // runc, crun or auto
  std::string address = "127.0.0.1";           // where others reach this machine's host ports
  std::vector<std::string> preloaded_root_fs;  // "name:/path"
  int64_t memory_mb = 0, disk_mb = 0;          // 0: the machine's
  int64_t containers_max = 250;
  std::string network_subnet;  // "": chosen from the cell
  uint16_t host_port_first = 61001, host_port_last = 65534;
  uint32_t cpu_shares_max = 1024;
  Duration graceful_shutdown_interval = std::chrono::seconds(10);
  Duration healthy_monitoring_interval = std::chrono::seconds(30);
  Duration unhealthy_monitoring_interval = std::chrono::seconds(2);
  Duration reserved_expiration_time = std::chrono::minutes(1);
  RuntimeCheck::Options check;  // in the first of the preloaded root file systems
};

// The real executor with all it stands on: runtime, network, root file systems, logs, workers.
// Owner: main(). Thread: its loop's.
//
//   enter_true_root(options.state_dir)          first in main(), before any thread; see below
//   auto cell = Cell::open(loop, logger, clock, options);
//   (*cell)->start([](Result<void>) { /* containers of an earlier rep are there: listen, serve,
//   report */ }); on SIGTERM: (*cell)->shut_down([&] { loop.stop(); });
class Cell {
 public:
  using Done = std::function<void(Result<void>)>;

  // Finds out what the machine can do by running a container; blocks for some tenths of a second.
  // The error says what is missing or wrong, for people.
  static Result<std::unique_ptr<Cell>> open(net::Loop& loop, const log::Logger& logger,
                                            const Clock& clock, CellOptions options);
  virtual ~Cell() = default;

  virtual Executor& executor() = 0;
  virtual logs::LogStore& logs() = 0;

  // Takes over the containers that an earlier rep left, and removes what is left of those that
  // cannot be.
  virtual void start(Done done) = 0;
  // Stops and removes all containers, then everything of this cell on the machine but its logs.
  // Nothing can be allocated any more from the call on.
  virtual void shut_down(std::function<void()> done) = 0;
};

// In a plain chroot, where the kernel allows no containers: makes our root a true one
// (runtime::TrueRoot). Elsewhere nothing.
Result<void> enter_true_root(const std::string& state_dir);

}  // namespace causeway::executor
