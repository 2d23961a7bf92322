#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "redis/client.h"

namespace causeway::net {
class Loop;
}

namespace causeway::redis {

// One command, or one run of a script.
struct Request {
  std::string key;  // in a cluster: decides where it goes
  const Script* script = nullptr;
  std::vector<std::string> args;  // the whole command; of a script: number of keys, keys, arguments
  OnWritten on_reply;
};

// How requests reach the servers of a topology. Owner: the Client. Thread: its loop's.
class Access {
 public:
  virtual ~Access() = default;
  virtual bool is_ready() const = 0;
  virtual size_t under_way() const = 0;
  // Only while ready. The answer never comes from inside the call.
  virtual void send(Request request) = 0;
  // On that very link. Fault::unavailable, at once, when it has gone.
  virtual Result<void> send_at(const Place& place, const std::vector<std::string>& args,
                               const OnReply& on_reply) = 0;
  // One that is believed to serve, for subscriptions.
  virtual Node any_node() = 0;

  // `on_link` hears of changes of is_ready().
  using OnLink = std::function<void(bool ready)>;
  static std::unique_ptr<Access> open(net::Loop& loop, const log::Logger& logger,
                                      const Options& options, OnLink on_link);
};

// "host:port"
std::string name_of(const Node& node);
// What send_at() answers then.
Error link_has_gone();

}  // namespace causeway::redis
