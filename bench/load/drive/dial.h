#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/drive/load_plan.h"
#include "bench/load/drive/place.h"
#include "net/stream.h"
#include "net/tcp.h"
#include "tls/handshake.h"

namespace causeway::load {

struct Dialed {
  std::unique_ptr<net::Stream> stream;
  ConnectionFacts facts;
  std::string protocol;  // agreed upon by ALPN
};

// What the connections of one share have in common. Owner: the share, before its places. Thread:
// the worker's.
struct Dialer {
  net::Loop& loop;
  const LoadPlan& plan;
  tls::SessionCache sessions = {};
};

// One attempt to open a connection as a plan wants it: TCP, slowed down where it is to be slow, TLS
// where that is spoken. Calls back exactly once, never from inside its start, unless ended first.
// Owner: a place or a connection. Thread: its loop's.
class Dial {
 public:
  using OnDialed = std::function<void(Result<Dialed>)>;

  // `address`: index into the plan's.
  Dial(Dialer& dialer, size_t address, OnDialed on_dialed);
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;
  ~Dial();

 private:
  void on_connection(Result<std::unique_ptr<net::Stream>> connected);
  void on_secured(Result<tls::Secured> secured);
  void finish(Result<Dialed> dialed);

  Dialer& dialer_;
  size_t address_;
  OnDialed on_dialed_;
  Instant begun_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<tls::Handshake> handshake_;
};

}  // namespace causeway::load
