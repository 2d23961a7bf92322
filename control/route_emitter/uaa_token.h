#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "rpc/client.h"

namespace causeway::net {
class Loop;
}

namespace causeway::route_emitter {

// A client's own token from UAA (OAuth 2 client credentials), kept until shortly before it expires.
// Owner: RoutingApi. Thread: its loop's. Ends with callbacks outstanding: they never come.
class UaaToken {
 public:
  struct Options {
    std::string url = {};  // https://host:port
    std::string client_name = {}, client_secret = {};
    rpc::Identity* identity = nullptr;  // for https; outlives the token
    Duration timeout = std::chrono::seconds(10);
  };
  using OnToken = std::function<void(const Result<std::string>&)>;

  UaaToken(net::Loop& loop, Options options);
  UaaToken(const UaaToken&) = delete;
  UaaToken& operator=(const UaaToken&) = delete;

  // Never from inside the call, except with the kept one.
  void get(OnToken on_token);
  // It was refused somewhere: the next one is a new one.
  void forget() { token_.clear(); }

 private:
  void take(Result<rpc::Reply> reply);

  net::Loop& loop_;
  const Options options_;
  std::string token_;  // empty: none
  Instant good_until_{};
  std::vector<OnToken> waiting_;
  rpc::Client client_;  // last: its end drops the callbacks that reach the rest
};

}  // namespace causeway::route_emitter
