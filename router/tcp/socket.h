#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "net/address.h"
#include "net/listening_socket.h"

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

// The same socket, for another process.
Result<net::ListeningSocket> duplicate_listener(const Socket& listener);

struct Accepted {
  Socket socket;
  net::Address peer;
};
// Error.os is EAGAIN when nobody waits.
Result<Accepted> accept_from(const Socket& listener);

// Begins to connect; the socket becomes writable when that has ended.
Result<Socket> begin_connecting(const net::Address& address);
// Where a connected socket's peer came to; 0.0.0.0:0 when that is not known any more.
net::Address local_address(const Socket& socket);
// The first bytes over a connection, which its empty buffer takes whole; false when it is broken.
bool send_first(const Socket& socket, std::string_view bytes);
// Bytes that wait to be read, which stay where they are: how many, 0 at the end, or a negative
// errno.
ssize_t peek(const Socket& socket, std::span<char> room);
// Throws away the first of them.
void discard(const Socket& socket, size_t bytes);
// 0, or the errno that ended the attempt.
int connection_error(const Socket& socket);

}  // namespace causeway::router
