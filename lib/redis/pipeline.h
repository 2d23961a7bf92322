#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/timer.h"
#include "redis/client.h"
#include "redis/connection.h"

namespace causeway::redis {

// Commands under way on one connection: pipelined, answered in order, with a deadline. Error
// replies of Redis are Errors with their text, see Client. Owner: an Access. Thread: its loop's.
// Ends: commands under way are dropped without a callback.
class Pipeline {
 public:
  using Args = std::vector<std::string>;
  struct User {
    std::function<void(bool ready)> on_link;
    std::function<Node()> next_node = {};  // absent: the one of the options
  };
  Pipeline(net::Loop& loop, const log::Logger& logger, const Options& options, User user);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  bool is_ready() const { return connection_.is_ready(); }
  const Node& node() const { return connection_.node(); }
  // How many links there have been: another number, another link.
  uint64_t link() const { return links_; }
  size_t under_way() const { return pending_.size(); }
  // Only while ready. The answer is an Error when the link broke.
  void send(const Args& args, OnReply on_reply);
  // EVALSHA once the server has seen the script on this connection.
  void eval(const Script& script, const Args& keys_and_args, OnReply on_reply);
  // Gives the link up and makes it anew.
  void fail(const Error& error) { connection_.fail(error); }
  // See Connection.
  void leave(const Error& error) { connection_.leave(error); }
  void trust() { connection_.trust(); }

 private:
  struct Pending {
    OnReply on_reply;
    Instant deadline;
    Args eval = {};  // of a script: the command, to be sent again after NOSCRIPT
  };

  void lost(const Error& error);
  void push(const Args& args, Pending pending);
  void watch_deadline();
  void take(Value&& reply);
  void load_and_repeat(Pending first);

  net::Loop& loop_;
  const Options options_;
  const User user_;
  uint64_t links_ = 0;
  std::deque<Pending> pending_;
  std::set<std::string, std::less<>> loaded_scripts_;  // on this connection
  std::map<std::string, std::string, std::less<>> script_sources_;
  net::Timer deadline_timer_;
  Connection connection_;  // last: its callbacks use all of the above
};

}  // namespace causeway::redis
