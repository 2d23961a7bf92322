#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tools/platform/plan.h"

namespace causeway::net {
class Loop;
}
namespace causeway::log {
class Logger;
}

namespace causeway::platform {

// Keeps the services of a plan running: starts them in order, starts one again when it ends (at
// once, then with a growing pause while it keeps ending), and writes who runs under which pid into
// `state_path` after every change. Services are children in sessions of their own, so a signal to
// the supervisor's group does not reach them. Owner: the command `platform run`. Thread: its
// loop's. Ends: stop() has ended every service, in reverse order.
class Supervisor {
 public:
  struct Timing {
    Duration restart_pause_min = std::chrono::milliseconds(50);
    Duration restart_pause_max = std::chrono::seconds(5);  // doubles up to this
    Duration stable_after =
        std::chrono::seconds(10);  // a service that ran this long starts from the minimum again
    Duration stop_grace =
        std::chrono::seconds(30);  // SIGTERM, then SIGKILL; a rep waits for its apps
  };

  Supervisor(net::Loop& loop, const log::Logger& logger, std::vector<Service> services,
             std::string state_path, Timing timing);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  void start();
  // Ends every service, last started first; calls `on_stopped` once when none is left.
  void stop(std::function<void()> on_stopped);

 private:
  struct Kept;
  void spawn(Kept& kept);
  void ended(Kept& kept, const std::string& how);
  void stop_next();
  void write_state();

  net::Loop& loop_;
  const log::Logger& logger_;
  std::string state_path_;
  Timing timing_;
  std::vector<std::unique_ptr<Kept>> kept_;
  std::function<void()> on_stopped_;
  bool stopping_ = false;
};

// Copies a log of more than `bytes_max` to PATH.1 and empties it (its writer appends, so it goes on
// at the start). Errors are left alone: a full disk must not end the platform.
void rotate_log(const std::string& path, uint64_t bytes_max);

}  // namespace causeway::platform
