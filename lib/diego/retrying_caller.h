#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/timer.h"
#include "rpc/client.h"

namespace causeway::net {
class Loop;
}

namespace causeway::diego {

// Sends calls to one service and tries those again that failed on the way: up to `attempts` in all,
// `wait` apart. A call that was sent is tried again only if doing it twice is harmless. Owner: a
// client of this folder. Thread: its loop's. May be ended inside a callback; calls under way are
// dropped without one.
class RetryingCaller {
 public:
  struct Options {
    std::string url;                              // "https://host:port"
    Duration timeout = std::chrono::seconds(10);  // of one attempt
    int attempts = 3;
    Duration wait = std::chrono::milliseconds(500);
    rpc::Identity* identity = nullptr;    // for https
    std::function<bool()> may_send = {};  // see rpc::Client
  };
  enum class Twice : uint8_t { harmless, harmful };

  RetryingCaller(net::Loop& loop, Options options);
  RetryingCaller(const RetryingCaller&) = delete;
  RetryingCaller& operator=(const RetryingCaller&) = delete;

  // `call.url` is the path.
  void send(rpc::Call call, Twice twice, rpc::Client::OnReply on_reply);
  rpc::Client& client() { return client_; }
  const Options& options() const { return options_; }

 private:
  struct Pending {
    explicit Pending(net::Loop& loop) : pause(loop) {}
    rpc::Call call;
    Twice twice = Twice::harmful;
    rpc::Client::OnReply on_reply;
    int attempts_left = 0;
    net::Timer pause;
  };

  void attempt(uint64_t id);
  void replied(uint64_t id, Result<rpc::Reply> reply);

  net::Loop& loop_;
  const Options options_;
  uint64_t next_id_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Pending>> pending_;
  rpc::Client client_;  // last: its end drops the callbacks that reach the rest
};

}  // namespace causeway::diego
