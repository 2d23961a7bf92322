#include "net/listening_socket.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/check.h"

namespace causeway::net {

namespace {

Error listen_error(const char* call, const Address& address, int os) {
  const Fault fault = os == EADDRINUSE ? Fault::exists : fault_of_errno(os);
  std::string detail = std::string(call) + " " + address.to_string();
  if (os == EADDRINUSE) detail += ": the port is taken";
  return Error{.fault = fault, .side = Side::self, .os = os, .detail = std::move(detail)};
}

// Binds and listens; the option that could not be set, or the call that failed, is named.
const char* set_up(int descriptor, const Address& address,
                   const ListeningSocket::Options& options) {
  const int on = 1;
  if (::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    return "SO_REUSEADDR";
  if (options.reuse_port &&
      ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return "SO_REUSEPORT";
  }
  // Accepted sockets inherit it, which saves a system call for each.
  if (options.no_delay && ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    return "TCP_NODELAY";
  }
  if (::bind(descriptor, address.socket_address(), address.length()) != 0) return "bind";
  if (::listen(descriptor, options.backlog) != 0) return "listen";
  return nullptr;
}

Result<Address> name_of(int descriptor) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &length) != 0) {
    return Error{
        .fault = fault_of_errno(errno), .side = Side::self, .os = errno, .detail = "getsockname"};
  }
  if (name.ss_family != AF_INET && name.ss_family != AF_INET6) {
    return Error{.fault = Fault::invalid, .side = Side::self, .detail = "no IP socket"};
  }
  return Address::from(reinterpret_cast<const sockaddr*>(&name));
}

int option_of(int descriptor, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

}  // namespace

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    address_ = other.address_;
  }
  return *this;
}

ListeningSocket::~ListeningSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<ListeningSocket> ListeningSocket::open(const Address& address, const Options& options) {
  ListeningSocket socket(
      ::socket(address.socket_address()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
      address);
  if (!socket.is_open()) return listen_error("socket", address, errno);
  if (const char* failed = set_up(socket.descriptor_, address, options); failed != nullptr) {
    return listen_error(failed, address, errno);
  }
  auto bound = name_of(socket.descriptor_);
  if (!bound) return std::move(bound).error();
  socket.address_ = *bound;
  return socket;
}

Result<ListeningSocket> ListeningSocket::adopt(int descriptor) {
  ListeningSocket socket(descriptor, {});
  if (option_of(descriptor, SO_TYPE) != SOCK_STREAM || option_of(descriptor, SO_ACCEPTCONN) != 1) {
    return Error{.fault = Fault::invalid, .side = Side::self, .detail = "no listening socket"};
  }
  auto bound = name_of(descriptor);
  if (!bound) return std::move(bound).error();
  const int flags = ::fcntl(descriptor, F_GETFL);
  ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  socket.address_ = *bound;
  return socket;
}

Result<ListeningSocket> ListeningSocket::duplicate() const {
  CHECK(is_open());
  const int copy = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return listen_error("dup", address_, errno);
  return ListeningSocket(copy, address_);
}

}  // namespace causeway::net
