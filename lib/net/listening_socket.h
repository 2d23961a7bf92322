#pragma once

#include <utility>

#include "base/result.h"
#include "net/address.h"

namespace causeway::net {

// A TCP socket that listens and that nobody accepts from yet: clients wait in the kernel. It may be
// on its way to a loop, or to another process. Move-only; closes its descriptor. Owner: whoever
// holds it, on any thread.
class ListeningSocket {
 public:
  struct Options {
    bool reuse_port = false;  // SO_REUSEPORT: several sockets on one port share its clients
    int backlog = 1024;       // connections
    bool no_delay = true;     // TCP_NODELAY on accepted sockets
  };
  // Binds and listens; port 0 takes a free one. Fault::exists when the port is taken (detail names
  // it).
  static Result<ListeningSocket> open(const Address& address, const Options& options);
  // A descriptor from elsewhere, which is closed unless it is such a socket (Fault::invalid).
  static Result<ListeningSocket> adopt(int descriptor);

  ListeningSocket() = default;
  ListeningSocket(ListeningSocket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), address_(other.address_) {}
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;
  ~ListeningSocket();

  // Another descriptor of the same socket, with the same waiting clients: the socket lives as long
  // as one of them.
  Result<ListeningSocket> duplicate() const;

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }
  const Address& address() const { return address_; }

 private:
  ListeningSocket(int descriptor, const Address& address)
      : descriptor_(descriptor), address_(address) {}

  int descriptor_ = -1;
  Address address_;
};

}  // namespace causeway::net
