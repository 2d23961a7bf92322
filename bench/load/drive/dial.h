#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "bench/load/drive/load_plan.h"
#include "bench/load/drive/place.h"
#include "net/stream.h"
#include "net/tcp.h"

namespace causeway::load {

struct Dialed {
  std::unique_ptr<net::Stream> stream;
  ConnectionFacts facts;
};

// One attempt to open a connection as a plan wants it: TCP, slowed down where it is to be slow.
// Calls back exactly once, never from inside its start, unless ended first. Owner: a place or a
// connection. Thread: its loop's.
class Dial {
 public:
  using OnDialed = std::function<void(Result<Dialed>)>;

  Dial(net::Loop& loop, const LoadPlan& plan, const net::Address& address, OnDialed on_dialed);
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;
  ~Dial();

 private:
  void on_connection(Result<std::unique_ptr<net::Stream>> connected);

  const LoadPlan& plan_;
  OnDialed on_dialed_;
  Instant begun_;
  std::unique_ptr<net::Connector> connector_;
};

}  // namespace causeway::load
