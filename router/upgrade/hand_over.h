#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "json/json.h"
#include "log/logger.h"
#include "net/descriptor.h"
#include "net/listening_socket.h"
#include "net/timer.h"
#include "router/upgrade/channel.h"
#include "router/upgrade/successor.h"

namespace causeway::router {

// One registration as another router would have heard it over NATS.
struct KnownRoute {
  std::string payload;  // JSON
  Duration age{};       // since it was heard of last
};

// The running router's side of an upgrade: waits at a unix socket for an operator, who asks for a
// new router to be started, and for that router, which takes the routes and the listening sockets.
// Until that one says that it serves, nothing changes here, whatever happens to it; one at a time.
// Only the router's own user and root are heard. Owner: RouterProcess. Thread: control. The order
// of things and what happens at each failure: doc/operations.md.
class HandOver {
 public:
  // The router that is to be replaced.
  class Giver {
   public:
    // Why nothing can be handed over just now; "" when it can.
    virtual std::string_view obstacle() const = 0;
    // All routes, each registration's payload made when it is asked for.
    virtual std::vector<KnownRoute> http_routes() const = 0;
    virtual std::vector<KnownRoute> tcp_routes() const = 0;
    virtual std::vector<net::ListeningSocket> listening_sockets() = 0;
    // Runs `work` on a thread of the priority that a new router is to have, and waits for it: the
    // control thread's own may be low, and goes to its children.
    virtual void run_at_full_priority(const std::function<void()>& work) = 0;
    // The new router accepts: this one is to close its sockets, serve what it has, and end.
    virtual void on_handed_over() = 0;

   protected:
    ~Giver() = default;
  };
  struct Options {
    std::string path;                             // of the socket
    Duration timeout = std::chrono::seconds(60);  // from the start of the new router to its word
    std::string version;                          // of this router
    std::vector<std::string> words;               // that this router was started with
  };

  HandOver(net::Loop& loop, const log::Logger& logger, Options options, Giver& giver);
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;
  ~HandOver();

  // Takes the place of whoever listened at that path before.
  Result<void> listen();

 private:
  enum class Role : uint8_t { unknown, operator_, successor };
  struct Caller;

  void accept();
  void on_message(Caller& caller);
  void answer(Caller& caller, json::Node message);
  void start_successor(Caller& caller, json::Node message);
  void welcome(Caller& caller, json::Node message);
  void send_routes(Caller& caller, size_t from);
  void send_sockets(Caller& caller, size_t from);
  void finish(Caller& caller);
  void fail(const std::string& reason);
  // Tells whoever asked for the upgrade how it went.
  void tell_operators(const std::string& text);
  void refuse(Caller& caller, std::string_view reason);
  void drop(Caller& caller);
  void forget_upgrade();

  net::Loop& loop_;
  const log::Logger logger_;
  const Options options_;
  Giver& giver_;
  int descriptor_ = -1;
  std::unique_ptr<net::DescriptorWatch> watch_;
  std::vector<std::unique_ptr<Caller>> callers_;
  // Of the upgrade under way.
  Caller* taker_ = nullptr;
  std::unique_ptr<Successor> started_;
  int successor_pid_ = 0;
  int handed_over_to_ = 0;  // 0: this router goes on
  std::vector<KnownRoute> http_;
  std::vector<KnownRoute> tcp_;
  std::vector<net::ListeningSocket> sockets_;
  net::Timer timeout_;
};

}  // namespace causeway::router
