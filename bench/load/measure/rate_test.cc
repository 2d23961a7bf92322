#include "bench/load/measure/rate.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "bench/load/measure/quantity.h"

namespace causeway::load {
namespace {

using std::chrono::seconds;

std::vector<double> all_times(const RateProfile& profile, Spacing spacing, unsigned workers,
                              uint64_t seed = 1) {
  std::vector<double> times;
  for (unsigned worker = 0; worker < workers; ++worker) {
    Arrivals arrivals(profile, spacing, seed, worker, workers);
    double last = 0;
    while (const auto at = arrivals.next()) {
      const double now = std::chrono::duration<double>(*at).count();
      EXPECT_GE(now, last);
      last = now;
      times.push_back(now);
    }
  }
  std::sort(times.begin(), times.end());
  return times;
}

RateProfile profile_of(std::string_view text, Duration duration = seconds(10),
                       Duration warm_up = {}) {
  auto profile = RateProfile::parse(text, duration, warm_up);
  EXPECT_TRUE(profile) << text;
  return std::move(profile).value();
}

size_t count_between(const std::vector<double>& times, double from, double to) {
  return static_cast<size_t>(std::lower_bound(times.begin(), times.end(), to) -
                             std::lower_bound(times.begin(), times.end(), from));
}

TEST(RateProfile, a_constant_rate_is_evenly_spaced_whatever_the_number_of_workers) {
  for (const unsigned workers : {1u, 3u, 4u}) {
    const auto times = all_times(profile_of("100"), Spacing::constant, workers);
    ASSERT_EQ(times.size(), 1000u);
    for (size_t i = 0; i < times.size(); ++i)
      EXPECT_NEAR(times[i], static_cast<double>(i) * 0.01, 1e-8);
  }
}

TEST(RateProfile, a_fraction_of_a_request_per_second_is_a_rate) {
  EXPECT_EQ(all_times(profile_of("0.5"), Spacing::constant, 2).size(), 5u);
}

TEST(RateProfile, a_ramp_rises_linearly) {
  const RateProfile profile = profile_of("100:1100");
  EXPECT_DOUBLE_EQ(profile.total(), 6000);
  EXPECT_DOUBLE_EQ(profile.rate_at(seconds(5)), 600);
  EXPECT_DOUBLE_EQ(profile.count_before(seconds(5)), 5 * 350);
  const auto times = all_times(profile, Spacing::constant, 2);
  ASSERT_EQ(times.size(), 6000u);
  // Each second holds 150, 250, ... requests.
  for (int second = 0; second < 10; ++second)
    EXPECT_NEAR(static_cast<double>(count_between(times, second, second + 1)), 150 + 100 * second,
                1);
}

TEST(RateProfile, a_ramp_may_start_or_end_at_nothing) {
  EXPECT_EQ(all_times(profile_of("0:100"), Spacing::constant, 1).size(), 500u);
  EXPECT_EQ(all_times(profile_of("100:0"), Spacing::constant, 1).size(), 500u);
}

TEST(RateProfile, steps_have_equal_lengths_and_the_warm_up_goes_before) {
  const RateProfile profile = profile_of("100,500,1000", seconds(9), seconds(2));
  const auto times = all_times(profile, Spacing::constant, 1);
  EXPECT_EQ(count_between(times, 0, 2), 200u);
  EXPECT_EQ(count_between(times, 2, 5), 300u);
  EXPECT_EQ(count_between(times, 5, 8), 1500u);
  EXPECT_EQ(count_between(times, 8, 11), 3000u);
  EXPECT_EQ(profile.rate_at(seconds(12)), 0);
}

TEST(RateProfile, poisson_arrivals_have_the_rate_and_the_variance) {
  const RateProfile profile = profile_of("1000", seconds(100));
  for (const unsigned workers : {1u, 4u}) {
    const auto times = all_times(profile, Spacing::poisson, workers, 42);
    EXPECT_NEAR(static_cast<double>(times.size()), 100'000, 4 * std::sqrt(100'000.0));
    double squares = 0;
    for (int i = 0; i < 1000; ++i) {
      const double surplus =
          static_cast<double>(count_between(times, i * 0.1, (i + 1) * 0.1)) - 100;
      squares += surplus * surplus;
    }
    EXPECT_NEAR(squares / 1000, 100, 25);  // variance of a Poisson count is its mean
  }
}

TEST(RateProfile, the_same_seed_gives_the_same_times) {
  const RateProfile profile = profile_of("200:400", seconds(3));
  EXPECT_EQ(all_times(profile, Spacing::poisson, 2, 5), all_times(profile, Spacing::poisson, 2, 5));
  EXPECT_NE(all_times(profile, Spacing::poisson, 2, 5), all_times(profile, Spacing::poisson, 2, 6));
}

TEST(RateProfile, refuses_what_is_no_rate) {
  for (const char* text : {"", "0", "-1", "1e9", "nan", "inf", "10:", ":10", "10,,20", "10:0,0",
                           "0:0", "ten", "10/s"}) {
    const auto profile = RateProfile::parse(text, seconds(10), {});
    ASSERT_FALSE(profile) << text;
    EXPECT_EQ(profile.error().fault, Fault::invalid);
    EXPECT_NE(profile.error().detail.find(text), std::string::npos);
  }
  EXPECT_FALSE(RateProfile::parse("10", Duration::zero(), {}));
}

TEST(Quantity, durations_and_sizes_as_people_write_them) {
  EXPECT_EQ(parse_duration("10s").value(), seconds(10));
  EXPECT_EQ(parse_duration("2").value(), seconds(2));
  EXPECT_EQ(parse_duration("1.5m").value(), seconds(90));
  EXPECT_EQ(parse_duration("250us").value(), std::chrono::microseconds(250));
  for (const char* text : {"", "s", "-1s", "10 s", "1d", "1e300h", "nan"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_EQ(parse_bytes("128").value(), 128u);
  EXPECT_EQ(parse_bytes("16k").value(), 16384u);
  EXPECT_EQ(parse_bytes("1M").value(), 1u << 20);
  for (const char* text : {"", "k", "-1", "1x", "1e30"}) EXPECT_FALSE(parse_bytes(text)) << text;
}

TEST(Quantity, readable_forms) {
  EXPECT_EQ(readable_duration(950), "950 ns");
  EXPECT_EQ(readable_duration(12'340), "12.3 us");
  EXPECT_EQ(readable_duration(4'560'000), "4.56 ms");
  EXPECT_EQ(readable_duration(1.2e9), "1.20 s");
  EXPECT_EQ(readable_bytes(12'340'000), "12.3 MB");
  EXPECT_EQ(grouped(1234567.8, 1), "1 234 567.8");
  EXPECT_EQ(grouped(123), "123");
  EXPECT_EQ(shell_word("plain-1.2"), "plain-1.2");
  EXPECT_EQ(shell_word("it's {1..3}"), "'it'\\''s {1..3}'");
}

}  // namespace
}  // namespace causeway::load
