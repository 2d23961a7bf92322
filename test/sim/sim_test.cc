// 10,000 seeds, or one: sim_test --seed=17 --story
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

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

// What is to happen often enough, by its name.
using Counter = uint64_t World::Counts::*;
constexpr std::pair<const char*, Counter> counted[] = {
    {"containers", &World::Counts::containers},
    {"tasks", &World::Counts::tasks_run},
    {"callbacks", &World::Counts::callbacks},
    {"conflicts", &World::Counts::conflicts},
    {"dead cells", &World::Counts::cell_deaths},
    {"restarted reps", &World::Counts::cell_restarts},
    {"evacuations", &World::Counts::evacuations},
    {"suspects", &World::Counts::suspects},
    {"ended bbs", &World::Counts::bbs_deaths},
    {"fenced bbs", &World::Counts::bbs_fenced},
    {"broken links", &World::Counts::links_broken},
    {"promoted replicas", &World::Counts::promotions},
    {"reads from memory", &World::Counts::memory_reads},
    {"forgotten processes", &World::Counts::forgotten},
    {"listings", &World::Counts::listings}};

void add(World::Counts& sum, const World::Counts& counts) {
  for (const auto& [name, member] : counted) sum.*member += counts.*member;
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
    // Every other bbs reads from memory.
    World world({.seed = seed,
                 .has_faults = has_faults,
                 .keeps_rows = seed % 2 == 1,
                 .tells = argument("story").has_value()},
                logger);
    const std::string wrong = world.run();
    add(sum, world.counts());
    if (wrong.empty()) continue;
    ++failures;
    ADD_FAILURE() << "seed " << seed << ": " << wrong << "\n  again: sim_test --gtest_filter=Sim."
                  << testing::UnitTest::GetInstance()->current_test_info()->name()
                  << " --seed=" << seed << " --story";
  }
  std::printf("%llu seeds:", static_cast<unsigned long long>(count));
  for (const auto& [name, member] : counted)
    std::printf(" %s %llu", name, static_cast<unsigned long long>(sum.*member));
  std::printf("\n");
  // A simulation in which nothing happens proves nothing.
  if (count < 100 || failures > 0) return;
  EXPECT_GT(sum.containers, count);
  EXPECT_GT(sum.tasks_run, count);
  EXPECT_GT(sum.listings, 10 * count);
  if (!has_faults) return;
  for (const auto& [name, member] : counted) EXPECT_GT(sum.*member, count / 20) << name;
}

TEST(Sim, whatever_fails_everything_heals_and_nothing_is_lost_or_doubled) {
  run_seeds(true, seeds);
}

TEST(Sim, drains_alone_take_no_running_instance_away) { run_seeds(false, calm_seeds); }

}  // namespace
}  // namespace causeway::sim
