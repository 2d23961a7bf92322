#pragma once

#include <utility>

#include "base/result.h"
#include "net/address.h"

namespace causeway::router {

// A socket's descriptor, closed at its end. Owner: whoever holds it. Any thread, one at a time.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { close(); }

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  void close();
  // With RST instead of FIN: what came so far is not the whole.
  void reset();

 private:
  int descriptor_ = -1;
};

// All sockets are non-blocking and send small messages at once (TCP_NODELAY).

// Binds with SO_REUSEPORT and listens. Fault::exists when somebody else has the port.
Result<Socket> open_listener(const net::Address& address);
// Whether nobody listens there, with SO_REUSEPORT or without; Fault::exists otherwise.
Result<void> check_is_free(const net::Address& address);

struct Accepted {
  Socket socket;
  net::Address peer;
};
// Error.os is EAGAIN when nobody waits.
Result<Accepted> accept_from(const Socket& listener);

// Begins to connect; the socket becomes writable when that has ended.
Result<Socket> begin_connecting(const net::Address& address);
// 0, or the errno that ended the attempt.
int connection_error(const Socket& socket);

}  // namespace causeway::router
