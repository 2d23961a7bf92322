#include "redis/slot_map.h"

#include <gtest/gtest.h>

namespace causeway::redis {
namespace {

Value number(int64_t value) {
  return {.kind = Kind::integer, .integer = value, .text = {}, .items = {}};
}
Value text(const std::string& value) {
  return {.kind = Kind::string, .integer = 0, .text = value, .items = {}};
}
Value list(std::vector<Value> items) {
  return {.kind = Kind::array, .integer = 0, .text = {}, .items = std::move(items)};
}
Value range(int64_t first, int64_t last, const std::string& host, int64_t port) {
  return list({number(first), number(last), list({text(host), number(port), text("id")})});
}

TEST(SlotOf, is_what_the_cluster_specification_says) {
  EXPECT_EQ(slot_of("123456789"), 0x31C3 % kSlots);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
  EXPECT_EQ(slot_of("foo{}{bar}"), slot_of("foo{}{bar}"));
  EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
}

TEST(SlotMapTest, knows_who_serves_what) {
  const auto map =
      SlotMap::parse(list({range(0, 8000, "a", 1), range(8001, 16383, "", 2)}), "asked");
  ASSERT_TRUE(map);
  EXPECT_TRUE(map->is_complete());
  EXPECT_EQ(*map->node_of(8000), (Node{"a", 1}));
  EXPECT_EQ(*map->node_of(8001), (Node{"asked", 2}));
  EXPECT_EQ(map->nodes().size(), 2u);
  SlotMap moved = *map;
  for (uint16_t slot = 0; slot <= 8000; ++slot) moved.move(slot, {"b", 3});
  EXPECT_EQ(*moved.node_of(5), (Node{"b", 3}));
  EXPECT_EQ(moved.nodes().size(), 2u) << "one serves nothing any more";
}

TEST(SlotMapTest, refuses_what_is_none) {
  const Value bad[] = {text("x"),
                       list({number(1)}),
                       list({range(0, 16384, "a", 1)}),
                       list({range(5, 4, "a", 1)}),
                       list({range(0, 1, "a", 0)}),
                       list({list({number(0), number(1), text("a")})})};
  for (const Value& reply : bad) EXPECT_FALSE(SlotMap::parse(reply, "asked"));
  const auto gap = SlotMap::parse(list({range(0, 8000, "a", 1)}), "asked");
  ASSERT_TRUE(gap);
  EXPECT_FALSE(gap->is_complete());
  EXPECT_EQ(gap->node_of(9000), nullptr);
}

TEST(RedirectTest, is_read_from_errors) {
  const auto moved = parse_redirect("MOVED 3999 127.0.0.1:6381");
  ASSERT_TRUE(moved);
  EXPECT_FALSE(moved->is_ask);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->node, (Node{"127.0.0.1", 6381}));
  const auto ask = parse_redirect("ASK 1 ::1:7000");
  ASSERT_TRUE(ask);
  EXPECT_TRUE(ask->is_ask);
  EXPECT_EQ(ask->node, (Node{"::1", 7000}));
  EXPECT_EQ(parse_redirect("MOVED 1 :7000")->node.host, "");
  for (const char* text : {"ERR x", "MOVED", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1",
                           "MOVED 1 a", "ASK 1 a:99999"})
    EXPECT_FALSE(parse_redirect(text)) << text;
}

TEST(ClusterHealth, is_read_from_what_a_node_says) {
  EXPECT_EQ(parse_cluster_health("cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"
                                 "cluster_current_epoch:12\r\ncluster_my_epoch:3\r\n"),
            (ClusterHealth{.is_ok = true, .epoch = 12}));
  EXPECT_EQ(parse_cluster_health("cluster_state:fail\r\ncluster_current_epoch:7"),
            (ClusterHealth{.is_ok = false, .epoch = 7}));
  EXPECT_EQ(parse_cluster_health(""), ClusterHealth{});
  EXPECT_EQ(parse_cluster_health("cluster_current_epoch:-1\n:\n\n"), ClusterHealth{});
}

}  // namespace
}  // namespace causeway::redis
