#pragma once

#include <functional>
#include <vector>

#include "control/bbs/sweep/sweeper.h"
#include "net/timer.h"

namespace causeway::bbs {

// When passes of convergence run: every `interval`, and soon after something happened that makes
// one worth it (ADR 0010). Passes never overlap, and rest between pages so that calls are not held
// up. Owner: main(). Thread: its loop's.
class Converger {
 public:
  struct Options {
    Duration interval = std::chrono::seconds(30);
    Sweeper::Options sweeper;
  };
  using Counts = Sweeper::Counts;

  Converger(net::Loop& loop, const Sweeper::World& world, const Options& options);
  Converger(const Converger&) = delete;
  Converger& operator=(const Converger&) = delete;

  void start();
  // A pass as soon as possible.
  void soon(const char* reason, Sweeper::Again again);

  const Counts& counts() const { return sweeper_.counts(); }

 private:
  void begin(const char* reason);
  void rest(Duration worked, std::function<void()> go_on);
  void ended(bool whole);
  // What the pass before was to do is not done.
  void try_again(const char* reason);

  const Sweeper::World world_;
  const Options options_;
  net::Timer every_, soon_, rest_;
  bool again_ = false;                                  // asked for while a pass was running
  Sweeper::Again place_again_ = Sweeper::Again::stale;  // in the next pass
  Sweeper::Again placing_ = Sweeper::Again::stale;      // in this one
  std::vector<std::function<void()>> resting_;          // until rest_ fires
  Duration unrested_{};                                 // work since it did
  Sweeper sweeper_;
};

}  // namespace causeway::bbs
