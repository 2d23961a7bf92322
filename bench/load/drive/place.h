#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "bench/load/measure/tally.h"

namespace causeway::net {
class Loop;
}

namespace causeway::load {

// How a connection came to stand.
struct ConnectionFacts {
  enum class Handshake : uint8_t { none, full, resumed } handshake = Handshake::none;
  Duration took{};          // from the first SYN, with its handshake
  std::string tls_version;  // "TLSv1.3"; empty without TLS
};

// One of the generator's places for a unit of work in flight (a request, a message, a connect).
// Owner: its Share, for the whole run; on one of the worker's lists. Thread: the worker's.
class Place : public ListLink<Place> {
 public:
  // What it tells its worker; each call may send the next unit at once.
  class Events {
   public:
    // After open(): it stands, or not.
    virtual void on_opened(Place& place, const Error* error) = 0;
    // `status`: of an HTTP reply, 0 when there is none.
    virtual void on_replied(Place& place, uint16_t status) = 0;
    virtual void on_failed(Place& place, Failure failure, const Error& error) = 0;
    virtual void on_connected(const ConnectionFacts& facts) = 0;
    // A connection has ended that had nothing in flight.
    virtual void on_dropped(const Error& error) = 0;
    virtual void on_traffic(size_t bytes_in, size_t bytes_out) = 0;

   protected:
    ~Events() = default;
  };

  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  virtual ~Place() = default;

  // Connects ahead of the first unit.
  virtual void open() = 0;
  // `intended`: when the unit was due; `now`: when it is sent.
  void send(Instant intended, Instant now) {
    intended_ = intended;
    begun_ = now;
    send_unit();
  }
  // Drops the unit in flight (and its connection, where that carries nothing else); tells nobody.
  virtual void drop() = 0;

  Instant intended() const { return intended_; }
  Instant begun() const { return begun_; }

  Instant free_since{};  // its worker's note

 protected:
  virtual void send_unit() = 0;

 private:
  Instant intended_{};
  Instant begun_{};
};

// One worker's part of a workload: its places and what they share. Owner: the worker. Thread: the
// worker's; made and ended there too.
class Share {
 public:
  virtual ~Share() = default;
  virtual size_t size() const = 0;
  virtual Place& place(size_t index) = 0;
};

// A kind of load, worked out. Immutable while workers run.
class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::unique_ptr<Share> open_share(net::Loop& loop, unsigned worker,
                                            Place::Events& events) const = 0;
};

// How many of `total` fall to one of `of` workers.
constexpr unsigned share_of(unsigned total, unsigned index, unsigned of) {
  return total / of + (index < total % of ? 1 : 0);
}

}  // namespace causeway::load
