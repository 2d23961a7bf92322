#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/logger.h"
#include "net/stream.h"
#include "net/tcp.h"
#include "net/timer.h"
#include "redis/client.h"
#include "redis/reply_reader.h"
#include "tls/handshake.h"

namespace causeway::redis {

// One link to the server, for ever being made again: looks the name up, connects, authenticates,
// and hands replies on in order. What the replies belong to is its user's business. Owner: the
// Client. Thread: its loop's.
class Connection final : public net::Stream::Events {
 public:
  // Any of these may call send(), fail() and is_ready(); none may end the connection.
  struct User {
    std::function<void()> on_ready;
    std::function<void(const Error&)> on_lost;  // once for each on_ready
    std::function<void(Value&&)> on_reply;
    // Whom to connect to, asked before each attempt. Absent: the single server of the options.
    std::function<Node()> next_node = {};
  };
  Connection(net::Loop& loop, const log::Logger& logger, const Options& options, User user);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_ready() const { return phase_ == Phase::ready; }
  // Of the present attempt or link.
  const Node& node() const { return node_; }
  // Queues one command; all commands of a turn leave in one write. Only while ready.
  void send(const std::vector<std::string>& args);
  // Gives the link up and makes it anew.
  void fail(const Error& error);
  // The same with a server that answers, but is of no use to us: the next address of its name is
  // tried, and until trust() the waits between attempts grow as if it did not answer, and nothing
  // more is logged.
  void leave(const Error& error);
  void trust();

 private:
  enum class Phase : uint8_t { waiting, resolving, connecting, securing, greeting, ready };

  void start();
  void connect(const std::vector<net::Address>& addresses);
  void secure(std::unique_ptr<net::Stream> stream);
  void greet(std::unique_ptr<net::Stream> stream);
  void take_greeting(const Value& reply);
  void append(const std::vector<std::string>& args);
  void flush();

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;

  net::Loop& loop_;
  const log::Logger logger_;
  const Options options_;
  const User user_;
  Node node_;  // of the present attempt
  Phase phase_ = Phase::waiting;
  Duration wait_;
  bool outage_logged_ = false;
  bool is_doubtful_ = false;  // left, not trusted since
  size_t attempts_ = 0;       // a name with several addresses: one after the other
  size_t greetings_left_ = 0;
  std::string out_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<tls::Handshake> handshake_;
  std::unique_ptr<net::Stream> stream_;
  std::optional<ReplyReader> reader_;
  net::Timer flush_timer_;
  net::Timer timer_;  // the wait before the next attempt, or the deadline of the greeting
};

}  // namespace causeway::redis
