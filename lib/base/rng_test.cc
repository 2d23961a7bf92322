#include "base/rng.h"

#include <array>

#include <gtest/gtest.h>

namespace causeway {
namespace {

TEST(Rng, the_same_seed_gives_the_same_numbers) {
  Rng left(42), right(42), other(43);
  const uint64_t first = left.next();
  EXPECT_EQ(first, right.next());
  EXPECT_NE(first, other.next());
}

TEST(Rng, below_stays_below_and_reaches_every_value) {
  Rng rng(7);
  std::array<int, 5> seen{};
  for (int i = 0; i < 1000; ++i) ++seen[rng.below(5)];
  for (int count : seen) EXPECT_GT(count, 100);
}

TEST(Rng, unit_is_in_range) {
  Rng rng(7);
  for (int i = 0; i < 1000; ++i) {
    const double value = rng.unit();
    EXPECT_GE(value, 0.0);
    EXPECT_LT(value, 1.0);
  }
}

}  // namespace
}  // namespace causeway
