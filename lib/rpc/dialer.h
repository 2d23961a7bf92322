#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/tcp.h"
#include "rpc/client.h"
#include "tls/handshake.h"

namespace causeway::net {
class Loop;
}

namespace causeway::rpc {

class Identity;

// Resolves a host name, connects to it and, with an identity, agrees on keys: its certificate has
// to name the host. Of several addresses the first that all of this succeeds with is taken: a name
// may lead to stand-bys too, which do not listen. Calls back exactly once, never from inside the
// constructor, unless destroyed first; the owner may bury, not destroy it inside the callback.
// Owner: a connection or subscription. Thread: its loop's.
class Dialer {
 public:
  using OnStream = std::function<void(Result<std::unique_ptr<net::Stream>>)>;

  struct Options {
    Duration timeout;              // of the connection, and again of the handshake
    Duration keep_alive_probe;     // as net::Connector; 0: none
    Identity* identity = nullptr;  // absent: in plain text
    // Of several addresses, the one to begin with, if it is among them; then the one that was
    // connected to. Absent: nothing is remembered. Outlives the dialer.
    std::optional<net::Address>* last_good = nullptr;
    ResolveAll resolve = net::Resolver::start_all;
  };

  Dialer(net::Loop& loop, const std::string& host, uint16_t port, Options options,
         OnStream on_stream);
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

 private:
  void begin(std::vector<net::Address> addresses);
  void connect();
  void connected(Result<std::unique_ptr<net::Stream>> stream);
  // The next address, or the end.
  void failed(Error error);
  void finish(Result<std::unique_ptr<net::Stream>> stream);

  net::Loop& loop_;
  const std::string host_;
  const std::string name_;  // "host:port", for errors
  const Options options_;
  OnStream on_stream_;
  std::vector<net::Address> addresses_;
  size_t next_ = 0;  // of them
  Duration timeout_{};
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<tls::Handshake> handshake_;
};

}  // namespace causeway::rpc
