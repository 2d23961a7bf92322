// Balancing by a request header: the table, and what a balancer makes of it.

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "router/route/balancer.h"
#include "router/route/hash_table.h"
#include "test/support/allocation_count.h"

namespace causeway::router {
namespace {

using std::chrono::seconds;
using EndpointList = std::vector<std::shared_ptr<const Endpoint>>;

// Instance i has id i + 1.
std::shared_ptr<const Endpoint> instance(size_t i, std::string_view zone = "z") {
  EndpointSpec spec;
  spec.host = "10.0.0.1";
  spec.port = static_cast<uint16_t>(1000 + i);
  spec.instance_id = "instance-" + std::to_string(i);
  spec.availability_zone = zone;
  return std::make_shared<const Endpoint>(i + 1, spec);
}

EndpointList instances(size_t count) {
  EndpointList list;
  for (size_t i = 0; i < count; ++i) list.push_back(instance(i));
  return list;
}

// Which endpoint each slot names, by id.
std::vector<EndpointId> owners(const EndpointList& list) {
  const HashTable table(list);
  std::vector<EndpointId> ids;
  for (size_t slot = 0; slot < table.size(); ++slot)
    ids.push_back(list[table.endpoint_at(slot)]->id());
  return ids;
}

TEST(HashTableTest, every_endpoint_has_its_equal_share) {
  for (const size_t count : {1u, 2u, 3u, 10u, 100u, 199u, 200u, 1000u}) {
    std::map<EndpointId, size_t> shares;
    const std::vector<EndpointId> slots = owners(instances(count));
    for (const EndpointId id : slots) ++shares[id];
    EXPECT_EQ(shares.size(), count);
    const auto [least, most] =
        std::ranges::minmax_element(shares, {}, [](const auto& share) { return share.second; });
    EXPECT_LE(most->second - least->second, 1u) << count;
    EXPECT_EQ(slots.size(), count < 200 ? HashTable::kSlots : HashTable::kManySlots);
  }
}

TEST(HashTableTest, the_order_of_registrations_does_not_matter) {
  EndpointList list = instances(20);
  const std::vector<EndpointId> before = owners(list);
  std::ranges::reverse(list);
  EXPECT_EQ(owners(list), before);
}

TEST(HashTableTest, one_that_goes_takes_hardly_more_than_its_own_slots_along) {
  const std::vector<EndpointId> before = owners(instances(20));
  const std::vector<EndpointId> after = owners(instances(19));
  size_t moved = 0;
  for (size_t slot = 0; slot < before.size(); ++slot) {
    if (before[slot] != 20 && before[slot] != after[slot]) ++moved;
  }
  EXPECT_LT(moved, before.size() / 10);
}

TEST(HashTableTest, more_endpoints_than_it_can_name_are_no_trouble) {
  const HashTable table(instances(HashTable::kEndpointsMax + 5));
  EXPECT_EQ(table.size(), HashTable::kManySlots);
  EXPECT_LT(table.endpoint_at(table.slot_of("key")), HashTable::kEndpointsMax);
  EXPECT_EQ(HashTable(EndpointList{}).size(), 0u);
}

TEST(HashTableTest, hashes_with_fnv1a) {
  EXPECT_EQ(fnv1a(""), 0xCBF29CE484222325u);
  EXPECT_EQ(fnv1a("a"), 0xAF63DC4C8601EC8Cu);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171F73967E8u);
}

class HashBalancingTest : public testing::Test {
 protected:
  void make_pool(size_t size, double balance = 0,
                 LoadBalancing without = LoadBalancing::round_robin) {
    pool_ = std::make_unique<Pool>(1, "a.d",
                                   Pool::Terms{.balancing = LoadBalancing::hash,
                                               .hash_header = "Tenant",
                                               .hash_balance = balance,
                                               .without_header = without},
                                   instances(size));
  }
  EndpointId pick(const Balancer::Wish& wish, Instant now = {}) {
    const Endpoint* endpoint = balancer_.pick(*pool_, wish, now);
    return endpoint == nullptr ? 0 : endpoint->id();
  }
  const Endpoint& endpoint(EndpointId id) { return *pool_->endpoints()[id - 1]; }

  Balancer balancer_{{.failed_mark_lifetime = seconds(30), .in_flight_max = 10}, 1};
  std::unique_ptr<Pool> pool_;
};

TEST_F(HashBalancingTest, the_same_value_goes_to_the_same_instance_on_every_worker) {
  make_pool(10);
  EXPECT_EQ(pool_->hash_header(), "Tenant");
  Balancer other({}, 99);
  std::set<EndpointId> used;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "tenant-" + std::to_string(i);
    const EndpointId chosen = pick({.hash_key = key});
    EXPECT_EQ(pick({.hash_key = key}), chosen);
    EXPECT_EQ(other.pick(*pool_, {.hash_key = key}, Instant{})->id(), chosen);
    used.insert(chosen);
  }
  EXPECT_EQ(used.size(), 10u);
}

TEST_F(HashBalancingTest, without_the_header_the_platforms_algorithm_chooses) {
  make_pool(3);
  std::set<EndpointId> used;
  for (int i = 0; i < 3; ++i) used.insert(pick({}));
  EXPECT_EQ(used.size(), 3u);
  make_pool(3, 0, LoadBalancing::least_connection);
  for (int i = 0; i < 2; ++i) endpoint(1).began();
  endpoint(3).began();
  EXPECT_EQ(pick({}), 2u);
}

TEST_F(HashBalancingTest, a_failed_or_full_instance_hands_its_values_to_the_next_in_the_table) {
  make_pool(5);
  const EndpointId first = pick({.hash_key = "k"});
  balancer_.mark_failed(first, Instant{});
  const EndpointId second = pick({.hash_key = "k"});
  EXPECT_NE(second, first);
  EXPECT_EQ(pick({.hash_key = "k"}), second);  // always the same one
  for (int i = 0; i < 10; ++i) endpoint(second).began();
  const EndpointId third = pick({.hash_key = "k"});
  EXPECT_TRUE(third != first && third != second);
  EXPECT_EQ(pick({.hash_key = "k"}, Instant{seconds(31)}), first);  // its mark has expired
}

TEST_F(HashBalancingTest, a_retry_goes_to_the_next_in_the_table) {
  make_pool(3);
  std::vector<EndpointId> tried;
  for (uint32_t attempt = 1; attempt <= 3; ++attempt) {
    tried.push_back(pick({.attempt = attempt, .hash_key = "k", .tried = tried}));
  }
  EXPECT_EQ(std::set<EndpointId>(tried.begin(), tried.end()).size(), 3u);
  EXPECT_EQ(pick({.attempt = 4, .hash_key = "k", .tried = tried}), tried[0]);
}

TEST_F(HashBalancingTest, when_all_have_failed_marks_are_cleared) {
  make_pool(2);
  const EndpointId first = pick({.hash_key = "k"});
  balancer_.mark_failed(1, Instant{});
  balancer_.mark_failed(2, Instant{});
  EXPECT_EQ(pick({.hash_key = "k"}), first);
  EXPECT_FALSE(balancer_.is_failed(1, Instant{}) || balancer_.is_failed(2, Instant{}));
}

TEST_F(HashBalancingTest, full_ones_are_never_chosen) {
  make_pool(2);
  for (int i = 0; i < 10; ++i) {
    endpoint(1).began();
    endpoint(2).began();
  }
  EXPECT_EQ(pick({.hash_key = "k"}), 0u);
}

TEST_F(HashBalancingTest, the_balance_factor_bounds_what_one_instance_gets) {
  make_pool(4, 1.5);
  const EndpointId first = pick({.hash_key = "k"});
  for (const auto& each : pool_->endpoints()) each->began();
  for (const auto& each : pool_->endpoints()) each->began();
  endpoint(first).began();  // 3 of 9, the average is 2.25: within 1.5 times
  EXPECT_EQ(pick({.hash_key = "k"}), first);
  endpoint(first).began();  // 4 of 10: above 3.75
  const EndpointId second = pick({.hash_key = "k"});
  EXPECT_NE(second, first);
  // The only one left serves however much it has.
  for (EndpointId id = 1; id <= 4; ++id) {
    if (id != first) balancer_.mark_failed(id, Instant{});
  }
  EXPECT_EQ(pick({.hash_key = "k"}), first);
}

TEST_F(HashBalancingTest, a_sticky_instance_comes_before_the_hash_and_zones_do_not_count) {
  make_pool(6);
  const EndpointId chosen = pick({.hash_key = "k"});
  const EndpointId other = chosen == 1 ? 2 : 1;
  const std::string sticky = "instance-" + std::to_string(other - 1);
  EXPECT_EQ(pick({.sticky_id = sticky, .hash_key = "k"}), other);
  EndpointList list = instances(5);
  list.push_back(instance(5, "near"));
  const Pool pool(1, "a.d", {.balancing = LoadBalancing::hash, .hash_header = "T"}, list);
  Balancer zoned({.zone = "near", .prefer_zone = true}, 1);
  EXPECT_EQ(zoned.pick(pool, {.hash_key = "k"}, Instant{})->id(), chosen);
}

TEST_F(HashBalancingTest, a_choice_allocates_nothing) {
  make_pool(10, 1.25);
  const size_t before = test::allocations_so_far();
  for (int i = 0; i < 100; ++i) EXPECT_NE(pick({.hash_key = "some tenant of ours"}), 0u);
  EXPECT_EQ(test::allocations_so_far(), before);
}

}  // namespace
}  // namespace causeway::router
