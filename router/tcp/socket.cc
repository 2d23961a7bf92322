#include "router/tcp/socket.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace causeway::router {
namespace {

constexpr int backlog = 1024;  // connections; as for HTTP

Error socket_error(const char* call, const net::Address& address, int os) {
  const Fault fault = os == EADDRINUSE ? Fault::exists : fault_of_errno(os);
  return {.fault = fault, .os = os, .detail = std::string(call) + " " + address.to_string()};
}

Result<Socket> make_socket(const net::Address& address) {
  Socket socket(
      ::socket(address.socket_address()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return socket_error("socket", address, errno);
  return socket;
}

void turn_on(const Socket& socket, int level, int option) {
  const int on = 1;
  ::setsockopt(socket.descriptor(), level, option, &on, sizeof on);
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

void Socket::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

void Socket::reset() {
  if (descriptor_ < 0) return;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

Result<Socket> open_listener(const net::Address& address) {
  auto socket = make_socket(address);
  if (!socket) return socket;
  turn_on(*socket, SOL_SOCKET, SO_REUSEADDR);
  turn_on(*socket, SOL_SOCKET, SO_REUSEPORT);
  turn_on(*socket, IPPROTO_TCP, TCP_NODELAY);  // accepted sockets inherit it
  if (::bind(socket->descriptor(), address.socket_address(), address.length()) != 0) {
    return socket_error("bind", address, errno);
  }
  if (::listen(socket->descriptor(), backlog) != 0) return socket_error("listen", address, errno);
  return socket;
}

Result<void> check_is_free(const net::Address& address) {
  auto socket = make_socket(address);
  if (!socket) return std::move(socket).error();
  turn_on(*socket, SOL_SOCKET, SO_REUSEADDR);  // old connections of the port do not count
  if (::bind(socket->descriptor(), address.socket_address(), address.length()) != 0) {
    return socket_error("bind", address, errno);
  }
  return {};
}

Result<net::ListeningSocket> duplicate_listener(const Socket& listener) {
  const int copy = ::fcntl(listener.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return Error{.fault = fault_of_errno(errno), .os = errno, .detail = "dup"};
  return net::ListeningSocket::adopt(copy);
}

Result<Accepted> accept_from(const Socket& listener) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  Socket socket(::accept4(listener.descriptor(), reinterpret_cast<sockaddr*>(&name), &length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.is_open()) return Error{.fault = fault_of_errno(errno), .os = errno};
  return Accepted{std::move(socket), net::Address::from(reinterpret_cast<const sockaddr*>(&name))};
}

Result<Socket> begin_connecting(const net::Address& address) {
  auto socket = make_socket(address);
  if (!socket) return socket;
  turn_on(*socket, IPPROTO_TCP, TCP_NODELAY);
  if (::connect(socket->descriptor(), address.socket_address(), address.length()) != 0 &&
      errno != EINPROGRESS) {
    return socket_error("connect", address, errno);
  }
  return socket;
}

net::Address local_address(const Socket& socket) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  auto* address = reinterpret_cast<sockaddr*>(&name);
  if (::getsockname(socket.descriptor(), address, &length) != 0) return {};
  return net::Address::from(address);
}

bool send_first(const Socket& socket, std::string_view bytes) {
  const ssize_t sent = ::send(socket.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(bytes.size());
}

ssize_t peek(const Socket& socket, std::span<char> room) {
  const ssize_t count = ::recv(socket.descriptor(), room.data(), room.size(), MSG_PEEK);
  return count < 0 ? -errno : count;
}

void discard(const Socket& socket, size_t bytes) {
  // Of TCP the kernel throws away what it is asked to truncate.
  (void)::recv(socket.descriptor(), nullptr, bytes, MSG_TRUNC);
}

int connection_error(const Socket& socket) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(socket.descriptor(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

}  // namespace causeway::router
