#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/rng.h"

namespace causeway::load {

// How many requests a second are meant to be sent, over a run: pieces of constant or linearly
// changing rate. A value.
class RateProfile {
 public:
  static constexpr double rate_max = 10e6;  // requests/s

  // "1000" (constant), "100:1000" (ramp), "100,500,1000" (steps of equal length), and mixtures:
  // "100,100:900,900". `warm_up` goes before, at the first rate. Fault::invalid for rates that are
  // no rates: negative, 0 throughout a piece, above rate_max.
  static Result<RateProfile> parse(std::string_view text, Duration duration, Duration warm_up);

  // Requests in the whole run.
  double total() const noexcept { return total_; }
  // At `offset` from the start; 0 after the end.
  double rate_at(Duration offset) const noexcept;
  // Requests meant to be sent before `offset`.
  double count_before(Duration offset) const noexcept;

 private:
  friend class Arrivals;
  struct Piece {
    double from, to;       // requests/s
    double start, length;  // seconds
    double before, count;  // requests before this piece and in it
  };
  void append(double from, double to, double length);

  std::vector<Piece> pieces_;
  double total_ = 0;
};

enum class Spacing : uint8_t { constant, poisson };

// When requests are meant to be sent: the share of one of `workers` workers in a profile. The
// shares of all workers together make the profile: evenly spaced, or a Poisson process. The same
// seed gives the same times. Thread: its worker's. The profile outlives it.
class Arrivals {
 public:
  Arrivals(const RateProfile& profile, Spacing spacing, uint64_t seed, unsigned worker,
           unsigned workers);

  // From the start of the run, never falling; empty after the end.
  std::optional<Duration> next();

 private:
  const RateProfile& profile_;
  Spacing spacing_;
  Rng rng_;
  double step_;
  double position_;  // in the sequence of all workers
  size_t piece_ = 0;
};

}  // namespace causeway::load
