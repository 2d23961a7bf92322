#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "json/json.h"
#include "net/listening_socket.h"
#include "router/upgrade/channel.h"

namespace causeway::router {

// Listening sockets that came from another router, until somebody wants them. Owner: RouterProcess.
// Thread: control.
class InheritedSockets {
 public:
  void add(net::ListeningSocket socket) { sockets_.push_back(std::move(socket)); }
  bool has(const net::Address& address) const;
  // One that listens there; none when there is no more.
  std::optional<net::ListeningSocket> take(const net::Address& address);
  size_t left() const { return sockets_.size(); }
  void clear() { sockets_.clear(); }

 private:
  std::vector<net::ListeningSocket> sockets_;
};

// The new router's side of an upgrade: asks the running one for what it needs, step by step, and
// says when it serves. Every call blocks for a few seconds at most; Fault::closed means that the
// old router has died. Owner: RouterProcess, until it serves. Thread: control.
class TakeOver {
 public:
  // Fault::refused: the running router says no, and why; or it is another user's (not root's).
  // Fault::unavailable: no router is there.
  static Result<TakeOver> begin(const std::string& path, std::string_view version);

  // One registration, as it came over NATS, and how long ago.
  using OnRoute = std::function<void(std::string_view payload, Duration age)>;
  // The whole table.
  Result<void> fetch_routes(const OnRoute& on_http, const OnRoute& on_tcp);
  Result<void> fetch_sockets(InheritedSockets& sockets);
  // This router accepts now: the old one is to go.
  Result<void> say_serving();
  // This router gives up: the old one goes on.
  void abandon(std::string_view reason);

 private:
  explicit TakeOver(UpgradeChannel channel) : channel_(std::move(channel)) {}
  // The answer to a message; Fault::refused when it says so.
  Result<json::Document> ask(const std::string& text, std::string_view expected,
                             std::vector<net::ListeningSocket>* sockets = nullptr);

  UpgradeChannel channel_;
};

}  // namespace causeway::router
