#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

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
  OnReply on_reply;
};

// How requests reach the servers of a topology. Owner: the Client. Thread: its loop's.
class Access {
 public:
  virtual ~Access() = default;
  virtual bool is_ready() const = 0;
  virtual size_t under_way() const = 0;
  // Only while ready. The answer never comes from inside the call.
  virtual void send(Request request) = 0;
  // One that is believed to serve, for subscriptions.
  virtual Node any_node() = 0;

  // `on_link` hears of changes of is_ready().
  using OnLink = std::function<void(bool ready)>;
  static std::unique_ptr<Access> open(net::Loop& loop, const log::Logger& logger,
                                      const Options& options, OnLink on_link);
};

}  // namespace causeway::redis
