#include "bench/load/measure/histogram.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace causeway::load {
namespace {

uint64_t exact_quantile(const std::vector<uint64_t>& sorted, double quantile) {
  const double rank = std::ceil(quantile * static_cast<double>(sorted.size()) - 1e-6);
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

TEST(Histogram, is_empty_at_first) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.at(0.99), 0u);
  EXPECT_EQ(histogram.mean(), 0);
}

TEST(Histogram, quantiles_are_within_the_promised_digits_of_the_exact_ones) {
  for (int digits = Histogram::digits_min; digits <= Histogram::digits_max; ++digits) {
    Rng rng(7);
    Histogram histogram(digits);
    std::vector<uint64_t> values;
    for (int i = 0; i < 20'000; ++i) {
      // Five powers of ten, the way latencies spread.
      const double value = 1000 * std::pow(10.0, 5 * rng.unit());
      values.push_back(static_cast<uint64_t>(value));
      histogram.record(values.back());
    }
    std::sort(values.begin(), values.end());
    for (const double quantile : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 1.0}) {
      const double exact = static_cast<double>(exact_quantile(values, quantile));
      const double told = static_cast<double>(histogram.at(quantile));
      EXPECT_GE(told, exact) << digits << " digits, quantile " << quantile;
      EXPECT_LE(told, exact * (1 + std::pow(10.0, -digits)))
          << digits << " digits, quantile " << quantile;
    }
    EXPECT_EQ(histogram.min(), values.front());
    EXPECT_EQ(histogram.max(), values.back());
    EXPECT_EQ(histogram.at(1.0), values.back());
  }
}

TEST(Histogram, small_values_are_exact) {
  Histogram histogram(3);
  for (uint64_t value = 1; value <= 1000; ++value) histogram.record(value);
  EXPECT_EQ(histogram.at(0.5), 500u);
  EXPECT_EQ(histogram.at(0.999), 999u);
  EXPECT_EQ(histogram.at(0.9991), 1000u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 500.5);
  EXPECT_EQ(histogram.count_above(900), 100u);
}

TEST(Histogram, merging_equals_recording_in_one) {
  Rng rng(11);
  Histogram left(2), right(2), both(2);
  for (int i = 0; i < 5000; ++i) {
    const uint64_t value = rng.below(uint64_t{1} << (1 + rng.below(40)));
    (i % 3 == 0 ? left : right).record(value, 2);
    both.record(value, 2);
  }
  left.merge(right);
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.min(), both.min());
  EXPECT_EQ(left.max(), both.max());
  for (double quantile = 0; quantile <= 1; quantile += 0.01)
    EXPECT_EQ(left.at(quantile), both.at(quantile));
}

TEST(Histogram, takes_the_largest_values) {
  Histogram histogram(3);
  histogram.record(UINT64_MAX);
  histogram.record(0);
  EXPECT_EQ(histogram.at(0.5), 0u);
  EXPECT_EQ(histogram.at(1), UINT64_MAX);
}

}  // namespace
}  // namespace causeway::load
