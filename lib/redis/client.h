#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::net {
class Loop;
}
namespace causeway::log {
class Logger;
}
namespace causeway::tls {
class ClientContext;
}

namespace causeway::redis {

enum class Kind : uint8_t { nil, integer, string, status, error, array };

// A reply of Redis (RESP2), copied out of the connection: a value.
struct Value {
  Kind kind = Kind::nil;
  int64_t integer = 0;
  std::string text;          // string, status, error
  std::vector<Value> items;  // array
  bool is_nil() const { return kind == Kind::nil; }
};

// A Lua script known to the client by its SHA-1; loaded on first use and again after a restart of
// the server (NOSCRIPT).
class Script {
 public:
  explicit Script(std::string source);
  const std::string& source() const { return source_; }
  const std::string& sha1() const { return sha1_; }

 private:
  std::string source_, sha1_;
};

using OnReply = std::function<void(Result<Value>)>;

// Where a command was carried out: one link to one server, for as long as it stands.
struct Place {
  std::string server;  // host:port
  uint64_t link = 0;   // counted by server; 0: nowhere
  friend auto operator<=>(const Place&, const Place&) = default;
};
using OnWritten = std::function<void(Result<Value>, const Place&)>;

struct Node {
  std::string host;
  uint16_t port = 0;
  friend bool operator==(const Node&, const Node&) = default;
};

enum class Topology : uint8_t {
  single,    // one server
  sentinel,  // the primary that Sentinels name, whichever it is now
  cluster,
};

struct Options {
  Topology topology = Topology::single;
  std::string host = "127.0.0.1";  // of the single server
  uint16_t port = 6379;
  std::vector<Node> nodes;                // Sentinels, or the nodes of a cluster to ask first
  std::string primary_name = "mymaster";  // as Sentinels call it
  std::string user, password;
  std::string sentinel_user, sentinel_password;
  int database = 0;
  // Asked before each handshake, so that files may change. Absent: no TLS. To all, Sentinels
  // included.
  std::function<const tls::ClientContext&()> tls;
  std::string tls_server_name;  // expected of certificates; "": the host connected to
  Duration connect_timeout = std::chrono::seconds(2);
  Duration command_timeout = std::chrono::seconds(5);
  Duration reconnect_wait_min = std::chrono::milliseconds(50);  // doubles up to the maximum
  Duration reconnect_wait_max = std::chrono::seconds(2);
  Duration topology_interval = std::chrono::seconds(1);  // between questions who serves what
  size_t pending_commands_max = 100'000;                 // Fault::limit beyond
};

// One pipelined connection to Redis on our loop (in a cluster: one to each node); reconnects for
// ever. A command that was under way when the link broke fails with Fault::unavailable (it may have
// been carried out: callers make their writes conditional); one sent while the link is down fails
// at once likewise. An error reply of Redis is an Error too (Fault::conflict for WATCH/-CONFLICT
// style errors raised by our scripts with the prefix "CONFLICT", Fault::refused for "FENCED",
// otherwise Fault::internal, detail = text). LOADING, READONLY, MASTERDOWN, CLUSTERDOWN, OOM,
// MISCONF are Fault::unavailable. A cluster is connected while all of its slots are served. Owner:
// the store. Thread: its loop's.
class Client {
 public:
  using OnReply = redis::OnReply;

  Client(net::Loop& loop, const log::Logger& logger, Options options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();  // commands under way are dropped without a callback

  // Calls back exactly once, never from inside command(). In a cluster the first argument behind
  // the command's name must be its key.
  void command(std::vector<std::string> args, OnReply on_reply);
  // The same for commands without a key: goes where `key` lives.
  void command_at(const std::string& key, std::vector<std::string> args, OnReply on_reply);
  // In a cluster: at least one key, all of one slot.
  void eval(const Script& script, const std::vector<std::string>& keys,
            const std::vector<std::string>& args, OnReply on_reply);

  // As eval(), and tells where it was done in the end, redirections followed.
  void write(const Script& script, const std::vector<std::string>& keys,
             const std::vector<std::string>& args, OnWritten on_written);
  // Answers how many replicas have what was written there (WAIT); at most `replicas` are waited
  // for. Fault::unavailable when the link has been lost since: a new one knows of no writes.
  void confirm(const Place& place, uint32_t replicas, Duration timeout, OnReply on_reply);

  // Own second connection, resubscribed after reconnects. `on_gap` tells that messages may have
  // been missed: whenever the subscription has come to stand, the first time included; from then on
  // none is missed until it is called again.
  void subscribe(const std::string& channel,
                 std::function<void(std::string_view payload)> on_message,
                 std::function<void()> on_gap);

  void on_link(std::function<void(bool connected)> callback);
  bool is_connected() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::redis
