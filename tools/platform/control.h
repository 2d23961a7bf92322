#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tools/platform/options.h"

namespace causeway::platform {

// What the supervisor's state file says of one service, and what /proc adds to it.
struct ServiceState {
  std::string name;
  int pid = 0;  // 0: not running just now
  uint32_t starts = 0;
  std::string last_end;
  std::string log;
  std::string probe_url;
  uint16_t probe_port = 0;
  uint64_t resident_bytes = 0;
};

struct PlatformState {
  int supervisor_pid = 0;  // 0: the platform is not running
  std::vector<ServiceState> services;
};

// What runs in that state folder. A folder without a platform reads as "not running".
// Fault::invalid when the state file is damaged.
Result<PlatformState> read_state(const std::string& state_dir);

// Runs the platform in this process until SIGTERM or SIGINT; answers the exit status. Writes its
// configuration first, ends what a supervisor that was killed left behind. Messages for people go
// to stderr.
int run(const Options& options);

// Starts `causeway platform run` in a session of its own and waits until every service does its
// work, telling `progress` line by line. Fault::timeout or Fault::closed with the service and its
// log when one does not.
Result<void> start(const Options& options, const std::vector<std::string>& run_command,
                   const std::function<void(std::string)>& progress);

// Ends the supervisor and with it every service; answers when all are gone.
Result<void> stop(const std::string& state_dir);

// What a folder of tools/dev-certs holds for a platform with that cell; Fault::not_found with the
// file that is missing.
Result<Certificates> read_certificates(const std::string& folder, const std::string& cell_id);

// The ports that are taken already, each as "8081 (router)".
std::vector<std::string> taken_ports(const Options& options);

}  // namespace causeway::platform
