#include "router/upgrade/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace causeway::router {

namespace {

// Of one packet, with its first byte, which says whether more packets of the message follow.
constexpr size_t kPacketBytes = 32u << 10;
constexpr char kMore = 'm';
constexpr char kLast = 'l';
// A peer that does not take a packet for so long hangs.
constexpr Duration kSendPatience = std::chrono::seconds(2);

Error channel_error(const char* call, int os) {
  return {.fault = fault_of_errno(os), .side = Side::self, .os = os, .detail = call};
}

Error has_gone() {
  return {.fault = Fault::closed, .side = Side::backend, .detail = "the other end has gone"};
}

// True when the descriptor is ready before `deadline`.
Result<void> wait_for(int descriptor, short events, Instant deadline) {
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - SystemClock().now()).count();
    if (left <= 0) {
      return Error{.fault = Fault::timeout, .side = Side::backend, .detail = "no answer in time"};
    }
    pollfd one{.fd = descriptor, .events = events, .revents = 0};
    const int ready = ::poll(&one, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return channel_error("poll", errno);
  }
}

using ControlBytes = std::array<char, CMSG_SPACE(sizeof(int) * kUpgradeSocketsMax)>;

void attach(msghdr& message, std::span<const net::ListeningSocket> sockets, ControlBytes& control) {
  if (sockets.empty()) return;
  control.fill(0);
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(sizeof(int) * sockets.size());
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * sockets.size());
  for (size_t i = 0; i < sockets.size(); ++i) {
    const int descriptor = sockets[i].descriptor();
    std::memcpy(CMSG_DATA(header) + i * sizeof(int), &descriptor, sizeof descriptor);
  }
}

// Takes every descriptor that came; what is no listening socket is closed.
void detach(const msghdr& message, std::vector<net::ListeningSocket>& sockets) {
  auto* const all = const_cast<msghdr*>(&message);
  for (cmsghdr* header = CMSG_FIRSTHDR(all); header != nullptr; header = CMSG_NXTHDR(all, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
      if (auto socket = net::ListeningSocket::adopt(descriptor)) {
        sockets.push_back(*std::move(socket));
      }
    }
  }
}

Result<void> send_packet(int descriptor, char kind, std::string_view bytes,
                         std::span<const net::ListeningSocket> sockets) {
  std::array<iovec, 2> parts{iovec{&kind, 1}, iovec{const_cast<char*>(bytes.data()), bytes.size()}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ControlBytes control;
  attach(message, sockets, control);
  const Instant deadline = SystemClock().now() + kSendPatience;
  while (::sendmsg(descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET) return has_gone();
    if (errno != EAGAIN) return channel_error("sendmsg", errno);
    if (auto ready = wait_for(descriptor, POLLOUT, deadline); !ready) return ready;
  }
  return {};
}

}  // namespace

UpgradeChannel& UpgradeChannel::operator=(UpgradeChannel&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

UpgradeChannel::~UpgradeChannel() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<UpgradeChannel> UpgradeChannel::connect(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) {
    return Error{.fault = Fault::invalid, .detail = "the socket's path is too long: " + path};
  }
  path.copy(name.sun_path, path.size());
  UpgradeChannel channel(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (channel.descriptor_ < 0) return channel_error("socket", errno);
  if (::connect(channel.descriptor_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    Error error = channel_error("connect", errno);
    error.detail += " " + path;
    return error;
  }
  return channel;
}

Result<uid_t> UpgradeChannel::peer_user() const {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return channel_error("SO_PEERCRED", errno);
  }
  return peer.uid;
}

Result<void> UpgradeChannel::send(std::string_view text,
                                  std::span<const net::ListeningSocket> sockets) const {
  CHECK(text.size() <= kUpgradeMessageBytesMax && sockets.size() <= kUpgradeSocketsMax);
  constexpr size_t most = kPacketBytes - 1;
  while (text.size() > most) {
    if (auto sent = send_packet(descriptor_, kMore, text.substr(0, most), {}); !sent) return sent;
    text.remove_prefix(most);
  }
  return send_packet(descriptor_, kLast, text, sockets);
}

Result<UpgradeMessage> UpgradeChannel::receive(Duration timeout) const {
  const Instant deadline = SystemClock().now() + timeout;
  UpgradeMessage received;
  std::vector<char> packet(kPacketBytes);
  while (true) {
    if (auto ready = wait_for(descriptor_, POLLIN, deadline); !ready) {
      return std::move(ready).error();
    }
    iovec part{packet.data(), packet.size()};
    ControlBytes control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(descriptor_, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0 && errno != ECONNRESET) return channel_error("recvmsg", errno);
    if (count <= 0) return has_gone();
    detach(message, received.sockets);
    received.text.append(packet.data() + 1, static_cast<size_t>(count) - 1);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
        (packet[0] != kLast && packet[0] != kMore)) {
      return Error{.fault = Fault::protocol, .side = Side::backend, .detail = "a broken packet"};
    }
    if (received.text.size() > kUpgradeMessageBytesMax ||
        received.sockets.size() > kUpgradeSocketsMax) {
      return Error{.fault = Fault::limit, .side = Side::backend, .detail = "too long a message"};
    }
    if (packet[0] == kLast) return received;
  }
}

}  // namespace causeway::router
