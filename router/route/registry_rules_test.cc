// The rules of the registry, row by row: tags, thresholds, sharding, instance addressing. Look-ups
// have theirs in route_table_test.cc.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "router/route/route_book.h"

namespace causeway::router {
namespace {

using std::chrono::seconds;
using Kind = RouteChange::Kind;

RouteChange change_of(Kind kind, const EndpointSpec& spec) {
  RouteChange change;
  change.kind = kind;
  change.uris = {"a.d"};
  change.endpoint = spec;
  change.endpoint.host = "10.0.0.1";
  change.endpoint.port = 80;
  return change;
}

// A book that remembers what became of the last change.
struct Registry {
  explicit Registry(RouteBook::Options options = {}) : book(std::move(options), clock) {
    book.on_applied(
        [this](const RouteBook::Applied& applied, const EndpointSpec&) { last = applied.outcome; });
  }
  Outcome apply(Kind kind, const EndpointSpec& spec) {
    book.apply(change_of(kind, spec));
    return last;
  }
  bool has_endpoint() { return book.endpoints() == 1; }

  ManualClock clock;
  Outcome last = Outcome::refused;
  RouteBook book;
};

struct Tags {
  const char* rule;
  ModificationTag held;
  ModificationTag told;
  bool is_accepted;
};

class TagRuleTest : public testing::TestWithParam<Tags> {};

TEST_P(TagRuleTest, holds_for_registrations_and_withdrawals) {
  const Tags& row = GetParam();
  for (const Kind kind : {Kind::add, Kind::remove}) {
    Registry registry;
    EndpointSpec spec;
    spec.modification_tag = row.held;
    ASSERT_EQ(registry.apply(Kind::add, spec), Outcome::added);
    spec.modification_tag = row.told;
    spec.app_id = "changed";
    const Outcome outcome = registry.apply(kind, spec);
    if (kind == Kind::add) {
      EXPECT_EQ(outcome, row.is_accepted ? Outcome::updated : Outcome::outdated) << row.rule;
    } else {
      EXPECT_EQ(outcome, row.is_accepted ? Outcome::removed : Outcome::not_found) << row.rule;
      EXPECT_EQ(registry.has_endpoint(), !row.is_accepted) << row.rule;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rules, TagRuleTest,
    testing::Values(Tags{"no tags: the newest wins", {}, {}, true},
                    Tags{"equal tags", {"g", 3}, {"g", 3}, true},
                    Tags{"larger index", {"g", 3}, {"g", 4}, true},
                    Tags{"smaller index", {"g", 3}, {"g", 2}, false},
                    Tags{"another guid: the newcomer wins", {"g", 3}, {"h", 0}, true},
                    Tags{"none against one", {"g", 3}, {}, true},
                    Tags{"one against none", {}, {"g", 0}, true}));

struct Age {
  const char* rule;
  int threshold_s;  // of the registration
  bool tls;
  int silent_s;
  bool stays;
};

class AgeRuleTest : public testing::TestWithParam<Age> {};

TEST_P(AgeRuleTest, holds_for_a_router_with_a_threshold_of_120_s) {
  const Age& row = GetParam();
  Registry registry({.stale_threshold = seconds(120)});
  EndpointSpec spec;
  spec.tls = row.tls;
  spec.stale_threshold = seconds(row.threshold_s);
  registry.apply(Kind::add, spec);
  registry.clock.advance(seconds(row.silent_s));
  const auto pruned = registry.book.prune();
  EXPECT_EQ(registry.has_endpoint(), row.stays) << row.rule;
  EXPECT_EQ(pruned.empty(), row.stays) << row.rule;
}

INSTANTIATE_TEST_SUITE_P(Rules, AgeRuleTest,
                         testing::Values(Age{"not yet", 0, false, 120, true},
                                         Age{"beyond the router's own", 0, false, 121, false},
                                         Age{"beyond one of its own", 20, false, 21, false},
                                         Age{"within one of its own", 20, false, 20, true},
                                         Age{"a longer one does not count", 600, false, 121, false},
                                         Age{"with TLS never", 0, true, 100'000, true},
                                         Age{"with TLS never, own threshold", 20, true, 100'000,
                                             true}));

struct Shard {
  RouteBook::Sharding mode;
  const char* segment;
  bool is_taken;
};

class ShardRuleTest : public testing::TestWithParam<Shard> {};

TEST_P(ShardRuleTest, holds_for_a_router_of_the_segments_one_and_two) {
  const Shard& row = GetParam();
  Registry registry({.sharding = row.mode, .isolation_segments = {"one", "two"}});
  EndpointSpec spec;
  spec.isolation_segment = row.segment;
  EXPECT_EQ(registry.apply(Kind::add, spec), row.is_taken ? Outcome::added : Outcome::out_of_shard);
  EXPECT_EQ(registry.has_endpoint(), row.is_taken);
}

INSTANTIATE_TEST_SUITE_P(
    Rules, ShardRuleTest,
    testing::Values(Shard{RouteBook::Sharding::all, "", true},
                    Shard{RouteBook::Sharding::all, "three", true},
                    Shard{RouteBook::Sharding::segments, "one", true},
                    Shard{RouteBook::Sharding::segments, "two", true},
                    Shard{RouteBook::Sharding::segments, "three", false},
                    Shard{RouteBook::Sharding::segments, "", false},
                    Shard{RouteBook::Sharding::shared_and_segments, "one", true},
                    Shard{RouteBook::Sharding::shared_and_segments, "", true},
                    Shard{RouteBook::Sharding::shared_and_segments, "three", false}));

struct Instance {
  const char* rule;
  InstanceFilter filter;
  bool matches;
};

class InstanceRuleTest : public testing::TestWithParam<Instance> {};

TEST_P(InstanceRuleTest, holds_for_instance_3_of_app_a_and_process_p) {
  EndpointSpec spec;
  spec.host = "10.0.0.1";
  spec.port = 80;
  spec.app_id = "a";
  spec.instance_index = "3";
  spec.tags["process_id"] = "p";
  EXPECT_EQ(GetParam().filter.matches(Endpoint(1, spec)), GetParam().matches) << GetParam().rule;
}

using By = InstanceFilter::By;
INSTANTIATE_TEST_SUITE_P(
    Rules, InstanceRuleTest,
    testing::Values(Instance{"nothing asked for", {}, true},
                    Instance{"app and index", {By::app, "a", "3"}, true},
                    Instance{"another index", {By::app, "a", "1"}, false},
                    Instance{"another app", {By::app, "b", "3"}, false},
                    Instance{"a process is no app", {By::app, "p", "3"}, false},
                    Instance{"a process", {By::process, "p", ""}, true},
                    Instance{"process and index", {By::process, "p", "3"}, true},
                    Instance{"process, another index", {By::process, "p", "1"}, false},
                    Instance{"another process", {By::process, "q", ""}, false},
                    Instance{"an app is no process", {By::process, "a", ""}, false}));

}  // namespace
}  // namespace causeway::router
