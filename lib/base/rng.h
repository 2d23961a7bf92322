#pragma once

#include <cstdint>

namespace causeway {

// A small, fast, seedable generator (SplitMix64): for balancing, jitter and tests, never for
// secrets (those come from tls/random.h). The same seed gives the same numbers. Thread: its
// owner's.
class Rng {
 public:
  explicit Rng(uint64_t seed) noexcept : state_(seed) {}

  uint64_t next() noexcept;
  // Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound) noexcept;
  // Uniform in [0, 1).
  double unit() noexcept;

 private:
  uint64_t state_;
};

}  // namespace causeway
