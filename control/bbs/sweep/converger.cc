#include "control/bbs/sweep/converger.h"

#include <algorithm>
#include <utility>

#include "log/logger.h"

namespace causeway::bbs {

namespace {

using namespace std::chrono_literals;

constexpr Duration kSoonMin = 20ms;
constexpr Duration kGapMin = 1s;    // between passes that were asked for
constexpr Duration kWorkMin = 2ms;  // is not worth a rest, which takes a millisecond at least
constexpr Duration kRestMax = 20ms;

}  // namespace

Converger::Converger(net::Loop& loop, const Sweeper::World& world, const Options& options)
    : world_(world),
      options_(options),
      every_(loop),
      soon_(loop),
      rest_(loop),
      sweeper_(world, options.sweeper,
               {.rest = [this](Duration worked,
                               std::function<void()> go_on) { rest(worked, std::move(go_on)); },
                .on_end = [this](bool whole) { ended(whole); },
                .on_given_up = [this] { try_again("given up before"); }}) {}

void Converger::start() {
  every_.every(options_.interval, [this] { begin("interval"); });
  soon("start", Sweeper::Again::all);
}

void Converger::soon(const char* reason, Sweeper::Again again) {
  place_again_ = std::max(place_again_, again);
  if (soon_.is_armed()) return;
  // A pass over a large system takes its time: at most a sixth of ours goes there.
  const Duration gap = std::max(kGapMin, 5 * counts().lrp_duration);
  const Duration since = world_.clock.now() - sweeper_.lrp_pass_ended();
  const Duration wait = counts().lrp_runs == 0 || since > gap ? kSoonMin : gap - since;
  soon_.once(wait, [this, reason] { begin(reason); });
}

void Converger::begin(const char* reason) {
  if (sweeper_.is_running()) {
    again_ = true;
    return;
  }
  world_.logger.debug("converge-starting", {{"reason", reason}});
  placing_ = std::exchange(place_again_, Sweeper::Again::stale);
  sweeper_.begin(placing_);
}

// A third of a pass's time belongs to calls alone.
void Converger::rest(Duration worked, std::function<void()> go_on) {
  unrested_ += worked;
  if (unrested_ < kWorkMin && !rest_.is_armed()) return go_on();
  resting_.push_back(std::move(go_on));
  if (rest_.is_armed()) return;
  rest_.once(std::min(std::exchange(unrested_, {}) / 2, kRestMax), [this] {
    for (const auto& next : std::exchange(resting_, {})) next();
  });
}

void Converger::try_again(const char* reason) {
  place_again_ = std::max(place_again_, placing_);
  if (!soon_.is_armed()) soon_.once(kGapMin, [this, reason] { begin(reason); });
}

void Converger::ended(bool whole) {
  if (!whole) try_again("broken off before");
  if (std::exchange(again_, false)) soon("again", Sweeper::Again::stale);
}

}  // namespace causeway::bbs
