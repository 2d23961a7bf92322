#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"
#include "net/listening_socket.h"
#include "net/stream.h"

namespace causeway::net {

class Loop;

// Accepts TCP connections on one address. Destruction stops it; connections already handed out live
// on. Owner: a worker or service. Thread: its loop's.
class Listener {
 public:
  struct Options {
    bool reuse_port = false;  // SO_REUSEPORT: one listener per worker on the same port
    int backlog = 1024;       // connections
    bool no_delay = true;     // TCP_NODELAY on accepted sockets
    // The socket will never accept again, and has been closed. Null: it is tried again and again.
    std::function<void(const Error&)> on_failed = nullptr;
  };
  using OnAccept = std::function<void(std::unique_ptr<Stream>)>;

  // Binds and listens; port 0 takes a free one. Fault::exists when the port is taken (detail names
  // it).
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address, Options options,
                                                OnAccept on_accept);
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address,
                                                OnAccept on_accept);
  // The same on a socket that listens already. Of the options only on_failed counts.
  static std::unique_ptr<Listener> open(Loop& loop, ListeningSocket socket, Options options,
                                        OnAccept on_accept);
  virtual ~Listener() = default;

  virtual const Address& address() const = 0;
  // For another process: its socket. Then this one is destroyed, never drained: refuse_new() would
  // turn clients away from both. Fault::closed when it has failed.
  virtual Result<ListeningSocket> duplicate() const = 0;
  // How often accepting rested for 100 ms because the process had no descriptor or memory left.
  // Clients wait meanwhile.
  virtual uint64_t accept_rests() const = 0;
  // Clients that connect from now on get no answer and will find the port closed; those that have
  // begun are still handed out. A moment of this before drain() loses nobody on the way.
  virtual void refuse_new() = 0;
  // Hands out what the kernel's accept queue still holds and closes: clients in the queue are not
  // reset.
  virtual void drain() = 0;
};

// One attempt to connect. Calls back exactly once, never from inside start(), unless destroyed
// first (which cancels it). Owner: who needs the connection. Thread: its loop's.
class Connector {
 public:
  struct Options {
    Duration timeout = std::chrono::seconds(5);
    bool no_delay = true;
    Duration keep_alive_probe = {};  // TCP keep-alive probe interval; 0 = off
  };
  using OnConnected = std::function<void(Result<std::unique_ptr<Stream>>)>;

  static std::unique_ptr<Connector> start(Loop& loop, const Address& address, Options options,
                                          OnConnected on_connected);
  virtual ~Connector() = default;
};

// One name lookup (getaddrinfo in libuv's pool). Same rules as Connector. Numeric hosts answer
// without the pool.
class Resolver {
 public:
  using OnResolved = std::function<void(Result<Address>)>;
  using OnAll = std::function<void(Result<std::vector<Address>>)>;

  // The first IPv4 address, or else the first of all.
  static std::unique_ptr<Resolver> start(Loop& loop, const std::string& host, uint16_t port,
                                         OnResolved on_resolved);
  // All of them, each once, never none; those of IPv4 first, else in the order of the name service.
  static std::unique_ptr<Resolver> start_all(Loop& loop, const std::string& host, uint16_t port,
                                             OnAll on_all);
  virtual ~Resolver() = default;
};

}  // namespace causeway::net
