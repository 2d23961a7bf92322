// 10,000 seeds, or one: sim_test --seed=17 --story
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/sanitizers.h"
#include "test/sim/world.h"

namespace causeway::sim {
namespace {

constexpr uint64_t seeds = is_sanitized ? 200 : 10'000;
constexpr uint64_t calm_seeds = seeds / 20;
constexpr size_t failures_shown = 5;

// "--name=value" of the command line.
std::optional<std::string> argument(const std::string& name) {
  for (const std::string& given : testing::internal::GetArgvs()) {
    if (given == "--" + name) return "";
    if (given.starts_with("--" + name + "=")) return given.substr(name.size() + 3);
  }
  return std::nullopt;
}

void run_seeds(bool has_faults, uint64_t count) {
  const auto chosen = argument("seed");
  const uint64_t first = chosen ? std::strtoull(chosen->c_str(), nullptr, 10) : 1;
  if (const auto wanted = argument("seeds")) count = std::strtoull(wanted->c_str(), nullptr, 10);
  if (chosen && !argument("seeds")) count = 1;
  log::Sink sink({.level = log::Level::error, .path = "/dev/null"});
  const log::Logger logger(sink, "sim");
  World::Counts sum;
  size_t failures = 0;
  for (uint64_t seed = first; seed < first + count && failures < failures_shown; ++seed) {
    World world({.seed = seed, .has_faults = has_faults, .tells = argument("story").has_value()},
                logger);
    const std::string wrong = world.run();
    const World::Counts& counts = world.counts();
    sum.containers += counts.containers;
    sum.bbs_deaths += counts.bbs_deaths;
    sum.cell_deaths += counts.cell_deaths;
    sum.tasks_run += counts.tasks_run;
    sum.callbacks += counts.callbacks;
    sum.conflicts += counts.conflicts;
    if (wrong.empty()) continue;
    ++failures;
    ADD_FAILURE() << "seed " << seed << ": " << wrong << "\n  again: sim_test --gtest_filter=Sim."
                  << testing::UnitTest::GetInstance()->current_test_info()->name()
                  << " --seed=" << seed << " --story";
  }
  std::printf(
      "%llu seeds: %llu containers, %llu tasks, %llu callbacks, %llu dead bbs, %llu dead "
      "cells, %llu conflicts\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(sum.containers),
      static_cast<unsigned long long>(sum.tasks_run),
      static_cast<unsigned long long>(sum.callbacks),
      static_cast<unsigned long long>(sum.bbs_deaths),
      static_cast<unsigned long long>(sum.cell_deaths),
      static_cast<unsigned long long>(sum.conflicts));
  // A simulation in which nothing happens proves nothing.
  if (count < 100 || failures > 0) return;
  EXPECT_GT(sum.containers, count);
  EXPECT_GT(sum.tasks_run, count);
  if (!has_faults) return;
  EXPECT_GT(sum.bbs_deaths, count / 2);
  EXPECT_GT(sum.cell_deaths, count / 2);
  EXPECT_GT(sum.conflicts, count / 100);
}

TEST(Sim, whatever_fails_everything_heals_and_nothing_is_lost_or_doubled) {
  run_seeds(true, seeds);
}

TEST(Sim, drains_alone_take_no_running_instance_away) { run_seeds(false, calm_seeds); }

}  // namespace
}  // namespace causeway::sim
