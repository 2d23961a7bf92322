#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cell/runtime/oci_runtime.h"
#include "cell/runtime/probe.h"
#include "cell/runtime/worker.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::runtime {

// What a test of real containers stands on: folders of its own, a busybox root file system, workers
// and an OciRuntime. Its destructor removes all of it. Needs root; ready() says what the machine
// lacks. Owner: a test. Thread: its own loop's.
class OciGround {
 public:
  OciGround();
  OciGround(const OciGround&) = delete;
  OciGround& operator=(const OciGround&) = delete;
  ~OciGround();

  const Result<Machine>& ready() const { return machine_; }
  net::Loop& loop() { return loop_; }
  Worker& setup() { return setup_; }
  Worker& removal() { return removal_; }
  const log::Logger& logger() const { return logger_; }
  OciRuntime& runtime() { return *runtime_; }
  const std::string& cell_id() const { return cell_id_; }
  const std::string& folder() const { return folder_; }
  const OciOptions& options() const { return options_; }
  // A busybox root, owned by this machine's users, and the same as containers take it.
  const std::string& plain_root() const { return plain_root_; }
  const std::string& root() const { return root_; }

  // Ends the runtime as a killed rep would, containers go on, and makes a new one.
  OciRuntime& restart();
  // A container's specification with namespaces pinned for it, without network.
  ContainerSpec spec(const std::string& handle);
  void unpin(const std::string& handle);

  // Runs the loop until `condition` holds; false after `timeout`.
  bool run_until(const std::function<bool()>& condition,
                 Duration timeout = std::chrono::seconds(60));
  // What of this ground still shows on the machine: mounts, cgroups, processes. Empty after
  // clean-up.
  std::vector<std::string> traces() const;

 private:
  const std::string folder_;
  const std::string cell_id_;
  log::Sink sink_;
  log::Logger logger_;
  net::Loop loop_;
  Worker setup_, removal_;
  std::string plain_root_, root_;
  Result<Machine> machine_;
  OciOptions options_;
  std::unique_ptr<OciRuntime> runtime_;
};

}  // namespace causeway::runtime
