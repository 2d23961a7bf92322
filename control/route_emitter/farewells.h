#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "control/route_emitter/routing_table.h"

namespace causeway::route_emitter {

// Unregistrations that were sent: NATS loses messages, so each is sent again a number of times,
// unless its route is registered meanwhile. No I/O, no clock. Owner: Announcer. Thread: its loop's.
class Farewells {
 public:
  struct Options {
    uint32_t repeats = 20;
    size_t entries_max = 200'000;  // beyond it a farewell is not repeated, and counted
  };
  explicit Farewells(Options options) : options_(options) {}

  void add(const RouteMessage& message);
  void forget(const RouteKey& route) { waiting_.erase(route); }
  // One more time for each.
  void repeat(const std::function<void(const RouteMessage&)>& send);
  // The same without counting it: it is not known whether the earlier ones have left.
  void visit(const std::function<void(const RouteMessage&)>& send) const;

  size_t size() const { return waiting_.size(); }
  uint64_t dropped() const { return dropped_; }

 private:
  struct Waiting {
    RouteMessage message;
    uint32_t repeats_left;
  };

  const Options options_;
  std::map<RouteKey, Waiting> waiting_;
  uint64_t dropped_ = 0;
};

}  // namespace causeway::route_emitter
