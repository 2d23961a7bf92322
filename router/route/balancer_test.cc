#include "router/route/balancer.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "router/route/route_table.h"

namespace causeway::router {
namespace {

using std::chrono::seconds;

// Pools for tests: endpoint i has id i + 1, instance id "i<i>", index i, zone "z<i % 2>", app
// "app", process "proc".
class PoolMaker {
 public:
  Pool make(size_t size, LoadBalancing balancing = LoadBalancing::round_robin) {
    std::vector<std::shared_ptr<const Endpoint>> endpoints;
    for (size_t i = 0; i < size; ++i) {
      EndpointSpec spec;
      spec.host = "10.0.0." + std::to_string(i + 1);
      spec.port = 80;
      spec.app_id = "app";
      spec.instance_id = "i" + std::to_string(i);
      spec.instance_index = std::to_string(i);
      spec.availability_zone = "z" + std::to_string(i % 2);
      spec.tags["process_id"] = "proc";
      endpoints.push_back(std::make_shared<const Endpoint>(i + 1, spec));
    }
    return Pool(1, "a.d", {.balancing = balancing}, endpoints);
  }
};

EndpointId id_of(const Endpoint* endpoint) { return endpoint == nullptr ? 0 : endpoint->id(); }

TEST(BalancerTest, round_robin_visits_each_in_turn) {
  Balancer balancer({}, 1);
  const Pool pool = PoolMaker().make(4);
  const EndpointId first = id_of(balancer.pick(pool, {}, Instant{}));
  for (EndpointId i = 1; i < 12; ++i) {
    EXPECT_EQ(id_of(balancer.pick(pool, {}, Instant{})), (first - 1 + i) % 4 + 1);
  }
}

TEST(BalancerTest, workers_start_at_different_places) {
  const Pool pool = PoolMaker().make(16);
  std::map<EndpointId, int> firsts;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    Balancer balancer({}, seed);
    ++firsts[id_of(balancer.pick(pool, {}, Instant{}))];
  }
  EXPECT_GT(firsts.size(), 8u);
}

TEST(BalancerTest, an_empty_pool_has_no_endpoint) {
  Balancer balancer({}, 1);
  const Pool pool = PoolMaker().make(0);
  EXPECT_EQ(balancer.pick(pool, {}, Instant{}), nullptr);
  EXPECT_FALSE(balancer.is_overloaded(pool));
}

TEST(BalancerTest, round_robin_skips_failed_ones_until_their_mark_expires) {
  Balancer balancer({.failed_mark_lifetime = seconds(30)}, 1);
  const Pool pool = PoolMaker().make(3);
  balancer.mark_failed(2, Instant{});
  for (int i = 0; i < 9; ++i) EXPECT_NE(id_of(balancer.pick(pool, {}, Instant{seconds(30)})), 2u);
  std::map<EndpointId, int> picked;
  for (int i = 0; i < 9; ++i) ++picked[id_of(balancer.pick(pool, {}, Instant{seconds(31)}))];
  EXPECT_EQ(picked[2], 3);
}

TEST(BalancerTest, when_all_have_failed_marks_are_cleared_and_the_next_serves) {
  Balancer balancer({}, 1);
  const Pool pool = PoolMaker().make(3);
  for (EndpointId id = 1; id <= 3; ++id) balancer.mark_failed(id, Instant{});
  const EndpointId first = id_of(balancer.pick(pool, {}, Instant{}));
  EXPECT_NE(first, 0u);
  for (EndpointId id = 1; id <= 3; ++id) EXPECT_FALSE(balancer.is_failed(id, Instant{}));
  EXPECT_EQ(id_of(balancer.pick(pool, {}, Instant{})), first % 3 + 1);
}

TEST(BalancerTest, overloaded_ones_are_skipped_and_all_overloaded_is_nothing) {
  for (const LoadBalancing balancing :
       {LoadBalancing::round_robin, LoadBalancing::least_connection}) {
    Balancer balancer({.in_flight_max = 2}, 1);
    const Pool pool = PoolMaker().make(2, balancing);
    pool.endpoints()[0]->began();
    pool.endpoints()[0]->began();
    EXPECT_FALSE(balancer.is_overloaded(pool));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(id_of(balancer.pick(pool, {}, Instant{})), 2u);
    pool.endpoints()[1]->began();
    pool.endpoints()[1]->began();
    EXPECT_TRUE(balancer.is_overloaded(pool));
    EXPECT_EQ(balancer.pick(pool, {}, Instant{}), nullptr);
    pool.endpoints()[1]->ended();
    EXPECT_FALSE(balancer.is_overloaded(pool));
    EXPECT_EQ(id_of(balancer.pick(pool, {}, Instant{})), 2u);
  }
}

TEST(BalancerTest, overloaded_failed_ones_are_no_second_chance) {
  Balancer balancer({.in_flight_max = 1}, 1);
  const Pool pool = PoolMaker().make(2);
  balancer.mark_failed(1, Instant{});
  pool.endpoints()[1]->began();
  EXPECT_EQ(id_of(balancer.pick(pool, {}, Instant{})), 1u);  // marked, but the only one with room
  pool.endpoints()[0]->began();
  EXPECT_EQ(balancer.pick(pool, {}, Instant{}), nullptr);
}

TEST(BalancerTest, least_connection_takes_the_lowest_load_marks_ignored) {
  Balancer balancer({}, 1);
  const Pool pool = PoolMaker().make(3, LoadBalancing::least_connection);
  pool.endpoints()[0]->began();
  pool.endpoints()[0]->began();
  pool.endpoints()[1]->began();
  balancer.mark_failed(3, Instant{});
  EXPECT_EQ(id_of(balancer.pick(pool, {}, Instant{})), 3u);
  pool.endpoints()[2]->began();
  pool.endpoints()[2]->began();
  EXPECT_EQ(id_of(balancer.pick(pool, {}, Instant{})), 2u);
}

TEST(BalancerTest, what_is_in_flight_counts_for_the_balancers_of_all_workers) {
  const Pool pool = PoolMaker().make(2);
  Balancer one({.in_flight_max = 2}, 1);
  Balancer other({.in_flight_max = 2}, 2);
  for (int i = 0; i < 2; ++i) {
    one.pick(pool, {}, Instant{})->began();
    other.pick(pool, {}, Instant{})->began();
  }
  // Four places in all: each of the workers sees them taken.
  EXPECT_EQ(pool.endpoints()[0]->in_flight() + pool.endpoints()[1]->in_flight(), 4u);
  EXPECT_TRUE(one.is_overloaded(pool));
  EXPECT_TRUE(other.is_overloaded(pool));
  EXPECT_EQ(other.pick(pool, {}, Instant{}), nullptr);
  pool.endpoints()[1]->ended();
  EXPECT_EQ(id_of(other.pick(pool, {}, Instant{})), 2u);
}

TEST(BalancerTest, least_connection_breaks_ties_evenly) {
  Balancer balancer({}, 7);
  const Pool pool = PoolMaker().make(4, LoadBalancing::least_connection);
  std::map<EndpointId, int> picked;
  for (int i = 0; i < 4000; ++i) ++picked[id_of(balancer.pick(pool, {}, Instant{}))];
  for (const auto& [id, count] : picked) EXPECT_NEAR(count, 1000, 150) << id;
  EXPECT_EQ(picked.size(), 4u);
}

TEST(BalancerTest, own_zone_first_on_the_first_attempt_only) {
  for (const LoadBalancing balancing :
       {LoadBalancing::round_robin, LoadBalancing::least_connection}) {
    Balancer balancer({.zone = "z1", .prefer_zone = true}, 1);
    const Pool pool = PoolMaker().make(4, balancing);
    std::map<EndpointId, int> first;
    std::map<EndpointId, int> second;
    for (int i = 0; i < 200; ++i) ++first[id_of(balancer.pick(pool, {}, Instant{}))];
    for (int i = 0; i < 200; ++i) {
      ++second[id_of(balancer.pick(pool, {.attempt = 2}, Instant{}))];
    }
    EXPECT_EQ(first.size(), 2u);
    EXPECT_TRUE(first.contains(2) && first.contains(4));
    EXPECT_EQ(second.size(), 4u);
  }
}

TEST(BalancerTest, other_zones_serve_when_the_own_has_failed_or_is_full) {
  Balancer balancer({.in_flight_max = 1, .zone = "z1", .prefer_zone = true}, 1);
  const Pool pool = PoolMaker().make(4);
  balancer.mark_failed(2, Instant{});
  pool.endpoints()[3]->began();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(balancer.pick(pool, {}, Instant{})->availability_zone(), "z0");
  }
  Balancer elsewhere({.zone = "z9", .prefer_zone = true}, 1);
  EXPECT_NE(elsewhere.pick(pool, {}, Instant{}), nullptr);
}

TEST(BalancerTest, sticky_instance_is_taken_even_if_failed_on_the_first_attempt) {
  Balancer balancer({.in_flight_max = 1}, 1);
  const Pool pool = PoolMaker().make(3);
  balancer.mark_failed(2, Instant{});
  EXPECT_EQ(id_of(balancer.pick(pool, {.sticky_id = "i1"}, Instant{})), 2u);
  EXPECT_NE(id_of(balancer.pick(pool, {.sticky_id = "i1", .attempt = 2}, Instant{})), 2u);
  EXPECT_EQ(id_of(balancer.pick(pool, {.sticky_id = "10.0.0.3:80"}, Instant{})), 3u);
  pool.endpoints()[1]->began();
  EXPECT_NE(id_of(balancer.pick(pool, {.sticky_id = "i1"}, Instant{})), 2u);
  EXPECT_NE(balancer.pick(pool, {.sticky_id = "gone"}, Instant{}), nullptr);
}

TEST(BalancerTest, must_be_sticky_yields_nothing_else) {
  Balancer balancer({}, 1);
  const Pool pool = PoolMaker().make(2);
  EXPECT_EQ(id_of(balancer.pick(pool, {.sticky_id = "i1", .sticky_or_nothing = true}, Instant{})),
            2u);
  EXPECT_EQ(balancer.pick(pool, {.sticky_id = "gone", .sticky_or_nothing = true}, Instant{}),
            nullptr);
}

TEST(BalancerTest, must_be_sticky_goes_to_the_same_instance_at_every_attempt) {
  Balancer balancer({.in_flight_max = 1}, 1);
  const Pool pool = PoolMaker().make(2);
  Balancer::Wish wish{.sticky_id = "i1", .sticky_or_nothing = true, .attempt = 2};
  balancer.mark_failed(2, Instant{});
  EXPECT_EQ(id_of(balancer.pick(pool, wish, Instant{})), 2u);
  pool.endpoints()[1]->began();
  EXPECT_EQ(balancer.pick(pool, wish, Instant{}), nullptr);  // overloaded
}

TEST(BalancerTest, after_a_failed_first_attempt_the_sticky_instance_has_no_preference) {
  Balancer balancer({}, 1);
  const Pool pool = PoolMaker().make(3);
  std::set<EndpointId> chosen;
  for (int i = 0; i < 6; ++i) {
    chosen.insert(id_of(balancer.pick(pool, {.sticky_id = "i1", .attempt = 2}, Instant{})));
  }
  EXPECT_EQ(chosen.size(), 3u);
}

TEST(BalancerTest, a_filter_leaves_only_its_instances) {
  using By = InstanceFilter::By;
  for (const LoadBalancing balancing :
       {LoadBalancing::round_robin, LoadBalancing::least_connection}) {
    Balancer balancer({}, 1);
    const Pool pool = PoolMaker().make(3, balancing);
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(id_of(balancer.pick(pool, {.filter = {By::app, "app", "1"}}, Instant{})), 2u);
      EXPECT_EQ(id_of(balancer.pick(pool, {.filter = {By::process, "proc", "2"}}, Instant{})), 3u);
    }
    EXPECT_NE(balancer.pick(pool, {.filter = {By::process, "proc", ""}}, Instant{}), nullptr);
    EXPECT_EQ(balancer.pick(pool, {.filter = {By::app, "other", "1"}}, Instant{}), nullptr);
    EXPECT_EQ(balancer.pick(pool, {.filter = {By::app, "app", ""}}, Instant{}), nullptr);
    EXPECT_TRUE(pool.has_match({By::app, "app", "0"}));
    EXPECT_FALSE(pool.has_match({By::process, "proc", "3"}));
  }
}

TEST(BalancerTest, a_pool_that_shrank_goes_on) {
  Balancer balancer({}, 3);
  const Pool large = PoolMaker().make(9);
  for (int i = 0; i < 8; ++i) ASSERT_NE(balancer.pick(large, {}, Instant{}), nullptr);
  const Pool small = PoolMaker().make(2);
  for (int i = 0; i < 4; ++i) ASSERT_NE(balancer.pick(small, {}, Instant{}), nullptr);
}

TEST(BalancerTest, the_same_seed_chooses_the_same) {
  const Pool pool = PoolMaker().make(5, LoadBalancing::least_connection);
  Balancer one({}, 42);
  Balancer two({}, 42);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(one.pick(pool, {}, Instant{}), two.pick(pool, {}, Instant{}));
  }
}

TEST(BalancerTest, sweep_forgets_what_no_longer_matters) {
  Balancer balancer({.failed_mark_lifetime = seconds(30)}, 1);
  balancer.mark_failed(2, Instant{});
  balancer.mark_failed(3, Instant{seconds(10)});
  EXPECT_EQ(balancer.remembered(), 2u);
  balancer.sweep(RouteTable(), Instant{seconds(30)});
  EXPECT_EQ(balancer.remembered(), 2u);
  balancer.sweep(RouteTable(), Instant{seconds(31)});
  EXPECT_EQ(balancer.remembered(), 1u);
  EXPECT_TRUE(balancer.is_failed(3, Instant{seconds(31)}));
  balancer.sweep(RouteTable(), Instant{seconds(41)});
  EXPECT_EQ(balancer.remembered(), 0u);
}

}  // namespace
}  // namespace causeway::router
