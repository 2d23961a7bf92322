#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cell/runtime/descriptor.h"
#include "cell/runtime/runtime.h"
#include "net/descriptor.h"
#include "net/timer.h"

namespace causeway::net {
class Loop;
}

namespace causeway::runtime {

// One line of a shim, parsed.
struct ShimMessage {
  enum class Kind : uint8_t {
    process,
    greeted,
    started,
    failed,
    exited,
    ended,
    log,
    destroyed,
    undestroyed
  };
  Kind kind = Kind::greeted;
  ProcessState process;        // process; of started, failed and exited what the line says
  bool container_runs = true;  // greeted
  ProcessExit exit;            // ended
  std::string_view text;       // failed, log, undestroyed; valid during the call
};
// Fault::protocol for what no shim says. Pure.
Result<ShimMessage> parse_shim_line(std::string_view line);

// The connection to one container's shim. Owner: OciRuntime's record of the container. Thread: its
// loop's. Ends: by destruction, or when the shim goes away (on_lost, once; nothing comes
// afterwards).
class ShimLink {
 public:
  struct Events {
    std::function<void(const ShimMessage&)> on_message;
    std::function<void(std::string)> on_lost;
  };
  // Connects to the socket in `folder`; does not wait.
  static Result<std::unique_ptr<ShimLink>> connect(net::Loop& loop, const std::string& folder,
                                                   Events events);
  ShimLink(const ShimLink&) = delete;
  ShimLink& operator=(const ShimLink&) = delete;

  void send(const std::string& line);
  // No callback comes after it. A link that ends inside its own callback is ended so, and then
  // buried.
  void end();

 private:
  ShimLink(net::Loop& loop, Descriptor socket, Events events);
  void read();
  void lose(std::string reason);

  Descriptor socket_;
  Events events_;
  std::string received_;
  bool is_lost_ = false;
  net::Timer failure_;                           // of send(), told later
  std::unique_ptr<net::DescriptorWatch> watch_;  // last: gone before the socket
};

}  // namespace causeway::runtime
