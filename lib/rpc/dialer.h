#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/tcp.h"
#include "tls/handshake.h"

namespace causeway::net {
class Loop;
}

namespace causeway::rpc {

class Identity;

// Resolves a host name, connects to it and, with an identity, agrees on keys: its certificate has
// to name the host. Calls back exactly once, never from inside the constructor, unless destroyed
// first; the owner may bury, not destroy it inside the callback. Owner: a connection or
// subscription. Thread: its loop's.
class Dialer {
 public:
  using OnStream = std::function<void(Result<std::unique_ptr<net::Stream>>)>;

  struct Options {
    Duration timeout;              // of the connection, and again of the handshake
    Duration keep_alive_probe;     // as net::Connector; 0: none
    Identity* identity = nullptr;  // absent: in plain text
  };

  Dialer(net::Loop& loop, const std::string& host, uint16_t port, Options options,
         OnStream on_stream);
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

 private:
  void connect(const net::Address& address);
  void connected(Result<std::unique_ptr<net::Stream>> stream);
  void finish(Result<std::unique_ptr<net::Stream>> stream);

  net::Loop& loop_;
  const std::string host_;
  const std::string name_;  // "host:port", for errors
  const Options options_;
  OnStream on_stream_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<tls::Handshake> handshake_;
};

}  // namespace causeway::rpc
