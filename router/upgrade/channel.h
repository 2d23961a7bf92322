#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/listening_socket.h"

namespace causeway::router {

// What the two routers of an upgrade agree on. Another number: another agreement, and the new
// router is refused.
inline constexpr int kUpgradeProtocol = 1;
// Bytes of one message, and sockets that go with it.
inline constexpr size_t kUpgradeMessageBytesMax = 4u << 20;
inline constexpr size_t kUpgradeSocketsMax = 64;

// A message between two routers, or from an operator: JSON and listening sockets.
struct UpgradeMessage {
  std::string text;
  std::vector<net::ListeningSocket> sockets;
};

// One end of a connection over a unix socket that carries such messages (SOCK_SEQPACKET; a long
// message goes in several packets). Move-only. Owner: HandOver's caller, or TakeOver. Calls block,
// for no longer than they are told.
class UpgradeChannel {
 public:
  static Result<UpgradeChannel> connect(const std::string& path);
  explicit UpgradeChannel(int descriptor) : descriptor_(descriptor) {}
  UpgradeChannel(UpgradeChannel&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  UpgradeChannel& operator=(UpgradeChannel&& other) noexcept;
  ~UpgradeChannel();

  // The user at the other end, as the kernel knows him.
  Result<uid_t> peer_user() const;
  // Fault::closed when the other end has gone, Fault::timeout when it does not read.
  Result<void> send(std::string_view text,
                    std::span<const net::ListeningSocket> sockets = {}) const;
  // The next message; Fault::closed at the end, Fault::timeout, Fault::limit when it is too long.
  Result<UpgradeMessage> receive(Duration timeout) const;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace causeway::router
