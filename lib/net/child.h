#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::net {

class Loop;

// How a child process ended: `signal` 0 means by exit(`status`).
struct ChildExit {
  int64_t status = 0;
  int signal = 0;
};

// A child process with its output delivered on the loop. on_exit comes exactly once, after all
// output was delivered. Destroying a running Child detaches it: it is not killed, its pipes are
// closed, nothing more is called. Owner: who started it. Thread: its loop's.
class Child {
 public:
  struct Command {
    std::vector<std::string> argv;                // argv[0] is looked up in PATH
    std::optional<std::vector<std::string>> env;  // "K=V"; absent: ours
    std::string working_dir;                      // empty: ours
    std::string input;                            // written to stdin, then closed
    std::string stdout_path, stderr_path;  // append to these files instead of a pipe, when set
    bool new_session = false;              // setsid: outlives our terminal and process group
  };
  struct Events {
    std::function<void(std::string_view)> on_stdout;  // raw pieces, not lines
    std::function<void(std::string_view)> on_stderr;
    std::function<void(ChildExit)> on_exit;
  };

  static Result<std::unique_ptr<Child>> spawn(Loop& loop, const Command& command, Events events);
  virtual ~Child() = default;

  virtual int pid() const = 0;
  virtual void kill(int signal) = 0;  // no effect after its end
};

}  // namespace causeway::net
