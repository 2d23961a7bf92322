#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "diego/bbs_events.h"
#include "test/sim/sim_bbs.h"

namespace causeway::sim {

// Somebody who follows all events of instances and desired LRPs, or of tasks: subscribes, reads,
// and knows from then on what events say. Begins anew when it is cut off. Owner: World.
class Reader {
 public:
  using Kind = bbs::EventStreams::Kind;
  struct Surroundings {
    Timeline& timeline;
    Network& network;
    Rng& rng;
    std::function<bool()> falls_behind;
    std::function<void(const std::string&)> wrong;
  };
  Reader(Surroundings around, Kind kind) : around_(std::move(around)), kind_(kind) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Unless it follows somebody.
  void follow(SimBbs& bbs);
  bool is_following() const { return is_subscribed_ && has_listing_; }
  // "" when it believes what the rows say.
  std::string difference_to(const Listing& rows) const;

 private:
  struct End;
  using Beliefs = std::map<std::string, std::string>;

  void hear(uint64_t subscription, const std::string& type, const std::string& data);
  void apply(const std::string& type, const std::string& data);
  void apply(const diego::LrpEvent& event);
  void apply(const diego::TaskEvent& event);
  void take(uint64_t subscription, const Listing& rows);
  Beliefs beliefs_of(const Listing& rows) const;

  const Surroundings around_;
  const Kind kind_;
  uint64_t subscription_ = 0;  // counts them: what an old one still delivers is void
  bool is_subscribed_ = false;
  bool has_listing_ = false;
  std::vector<std::pair<std::string, std::string>> early_;  // events before the listing
  Beliefs beliefs_;
};

}  // namespace causeway::sim
