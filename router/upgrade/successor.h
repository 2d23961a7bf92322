#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/descriptor.h"

namespace causeway::net {
class Loop;
}

namespace causeway::router {

// A process of the new router's binary, a child of the old one's with its environment, its limits
// and its standard streams, and no other descriptor. It outlives its parent and this object. Owner:
// HandOver. Thread: control.
class Successor {
 public:
  // Runs something on another thread and waits for it.
  using RunElsewhere = std::function<void(const std::function<void()>& work)>;
  // `words`: the path of the binary and its arguments. It gets the priority of the thread that
  // `run_elsewhere` has. `on_exit` hears once how it ended ("exited
  // with 1"), unless this object has ended before.
  static Result<std::unique_ptr<Successor>> start(net::Loop& loop,
                                                  const std::vector<std::string>& words,
                                                  const RunElsewhere& run_elsewhere,
                                                  std::function<void(const std::string&)> on_exit);
  // A process that was started, and a descriptor of it (pidfd_open), which is closed at the end.
  struct Process {
    int pid;
    int watched;
  };
  // For start().
  Successor(net::Loop& loop, Process process, std::function<void(const std::string&)> on_exit);
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;
  ~Successor();

  int pid() const { return process_.pid; }
  // At once, and collects it.
  void kill();
  // Nothing more is told of it.
  void let_go() { on_exit_ = nullptr; }

 private:
  std::string collect(int options);

  const Process process_;
  std::function<void(const std::string&)> on_exit_;
  bool is_collected_ = false;
  net::DescriptorWatch watch_;
};

}  // namespace causeway::router
