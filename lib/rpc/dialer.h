#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/tcp.h"

namespace causeway::net {
class Loop;
}

namespace causeway::rpc {

// Resolves a host name and connects to it. Calls back exactly once, never from inside the
// constructor, unless destroyed first; the owner may bury, not destroy it inside the callback.
// Owner: a connection or subscription. Thread: its loop's.
class Dialer {
 public:
  using OnStream = std::function<void(Result<std::unique_ptr<net::Stream>>)>;

  struct Options {
    Duration timeout;
    Duration keep_alive_probe;  // as net::Connector; 0: none
  };

  Dialer(net::Loop& loop, const std::string& host, uint16_t port, Options options,
         OnStream on_stream);
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

 private:
  void connect(const net::Address& address);
  void finish(Result<std::unique_ptr<net::Stream>> stream);

  net::Loop& loop_;
  const std::string name_;  // "host:port", for errors
  const Options options_;
  OnStream on_stream_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<net::Connector> connector_;
};

}  // namespace causeway::rpc
