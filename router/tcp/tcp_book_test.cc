#include "router/tcp/tcp_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace causeway::router {
namespace {

using Outcome = TcpBook::Outcome;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

cf::TcpRouteMessage instance(uint16_t external_port, const std::string& host, uint16_t port) {
  cf::TcpRouteMessage message;
  message.router_group_guid = "group";
  message.external_port = external_port;
  message.host = host;
  message.port = port;
  return message;
}

class TcpBookTest : public testing::Test {
 protected:
  TcpBookTest() {
    options.settings.reservable_ports = {{1024, 1123}, {2000, 2000}};
    options.settings.own_ports = {1100};
  }
  TcpBook& book() {
    if (!made) made = std::make_unique<TcpBook>(options);
    return *made;
  }
  // "1024: 10.0.0.1:1 10.0.0.2:1", for each change.
  std::vector<std::string> changes() {
    std::vector<std::string> texts;
    for (const TcpRouteChange& change : book().take_changes()) {
      std::string text = std::to_string(change.port) + ":";
      if (change.pool != nullptr) {
        for (const auto& endpoint : change.pool->endpoints) {
          text += " " + endpoint->address.to_string();
        }
      }
      texts.push_back(text);
    }
    return texts;
  }

  TcpBook::Options options;
  std::unique_ptr<TcpBook> made;
  Instant now{};
};

TEST_F(TcpBookTest, instances_come_and_go) {
  EXPECT_EQ(book().add(instance(1024, "10.0.0.1", 1), now).outcome, Outcome::added);
  EXPECT_EQ(book().add(instance(1024, "10.0.0.2", 1), now).outcome, Outcome::added);
  EXPECT_EQ(book().add(instance(2000, "10.0.0.1", 2), now).outcome, Outcome::added);
  EXPECT_THAT(changes(), ElementsAre("1024: 10.0.0.1:1 10.0.0.2:1", "2000: 10.0.0.1:2"));
  EXPECT_THAT(changes(), IsEmpty());
  EXPECT_EQ(book().remove(instance(1024, "10.0.0.1", 1)).outcome, Outcome::removed);
  EXPECT_EQ(book().remove(instance(1024, "10.0.0.1", 1)).outcome, Outcome::not_found);
  EXPECT_EQ(book().remove(instance(1025, "10.0.0.1", 1)).outcome, Outcome::not_found);
  EXPECT_EQ(book().remove(instance(2000, "10.0.0.1", 2)).outcome, Outcome::removed);
  EXPECT_THAT(changes(), ElementsAre("1024: 10.0.0.2:1", "2000:"));
  EXPECT_EQ(book().ports(), 1u);
  EXPECT_EQ(book().endpoints(), 1u);
}

TEST_F(TcpBookTest, a_refresh_changes_nothing_and_another_instance_there_does) {
  book().add(instance(1024, "10.0.0.1", 1), now);
  changes();
  EXPECT_EQ(book().add(instance(1024, "10.0.0.1", 1), now).outcome, Outcome::refreshed);
  EXPECT_FALSE(book().has_changes());
  auto other = instance(1024, "10.0.0.1", 1);
  other.private_instance_id = "other";
  EXPECT_EQ(book().add(other, now).outcome, Outcome::updated);
  EXPECT_TRUE(book().has_changes());
}

TEST_F(TcpBookTest, an_instance_that_came_and_went_between_two_looks_is_told_as_gone) {
  book().add(instance(1024, "10.0.0.1", 1), now);
  book().remove(instance(1024, "10.0.0.1", 1));
  EXPECT_THAT(changes(), ElementsAre("1024:"));
}

TEST_F(TcpBookTest, what_is_not_refreshed_is_pruned) {
  options.stale_threshold = seconds(120);
  auto short_lived = instance(1024, "10.0.0.2", 1);
  short_lived.stale_threshold_in_seconds = 60;
  auto long_lived = instance(2000, "10.0.0.3", 1);
  long_lived.stale_threshold_in_seconds = 600;  // the router's own counts
  book().add(instance(1024, "10.0.0.1", 1), now);
  book().add(short_lived, now);
  book().add(long_lived, now);
  changes();
  EXPECT_THAT(book().prune(now + seconds(60)), IsEmpty());
  EXPECT_EQ(book().prune(now + seconds(61)).size(), 1u);
  EXPECT_THAT(changes(), ElementsAre("1024: 10.0.0.1:1"));
  book().add(instance(1024, "10.0.0.1", 1), now + seconds(61));
  EXPECT_EQ(book().prune(now + seconds(121)).size(), 1u);
  EXPECT_THAT(changes(), ElementsAre("2000:"));
  book().mark_all_fresh(now + seconds(300));
  EXPECT_THAT(book().prune(now + seconds(420)), IsEmpty());
  EXPECT_EQ(book().prune(now + seconds(421)).size(), 1u);
  EXPECT_EQ(book().endpoints(), 0u);
}

TEST_F(TcpBookTest, what_the_router_cannot_carry_is_refused_with_a_reason) {
  const auto reason = [this](auto change) {
    auto message = instance(1024, "10.0.0.1", 1);
    change(message);
    const auto applied = book().add(message, now);
    return applied.outcome == Outcome::refused ? std::string(applied.reason) : "taken";
  };
  const std::string not_reservable = "the port is not reservable";
  EXPECT_EQ(reason([](auto& m) { m.external_port = 1023; }), not_reservable);
  EXPECT_EQ(reason([](auto& m) { m.external_port = 1124; }), not_reservable);
  EXPECT_EQ(reason([](auto& m) { m.external_port = 1100; }), not_reservable);
  EXPECT_EQ(reason([](auto& m) { m.sni_hostname = "a.com"; }),
            "routes by TLS server name are not served");
  EXPECT_EQ(reason([](auto& m) { m.terminate_frontend_tls = true; }),
            "TLS of the front end is not served");
  EXPECT_EQ(reason([](auto& m) { m.enable_backend_mtls = true; }),
            "mutual TLS to instances is not served");
  EXPECT_EQ(reason([](auto& m) {
              m.port = 0;
              m.tls_port = 2;
            }),
            "TLS to instances is not served");
  EXPECT_EQ(reason([](auto& m) { m.host = "a.com"; }), "the host is not an IP address");
  EXPECT_EQ(reason([](auto&) {}), "taken");
  EXPECT_EQ(reason([](auto& m) { m.router_group_guid = "other"; }),
            "the port belongs to another router group");
  EXPECT_EQ(book().endpoints(), 1u);
}

TEST_F(TcpBookTest, a_group_that_left_its_port_leaves_it_to_others) {
  book().add(instance(1024, "10.0.0.1", 1), now);
  auto other = instance(1024, "10.0.0.2", 1);
  other.router_group_guid = "other";
  EXPECT_EQ(book().remove(other).outcome, Outcome::not_found);
  book().remove(instance(1024, "10.0.0.1", 1));
  EXPECT_EQ(book().add(other, now).outcome, Outcome::added);
}

TEST_F(TcpBookTest, only_the_groups_and_segments_served_are_taken) {
  const auto outcome = [this](const std::string& group, const std::string& segment) {
    auto message = instance(1024, "10.0.0.1", 1);
    message.router_group_guid = group;
    message.isolation_segment = segment;
    TcpBook one(options);
    return one.add(message, now).outcome;
  };
  options.settings.router_groups = {"group"};
  EXPECT_EQ(outcome("group", ""), Outcome::added);
  EXPECT_EQ(outcome("other", ""), Outcome::out_of_shard);
  options.sharding = RouteBook::Sharding::segments;
  options.isolation_segments = {"is1"};
  EXPECT_EQ(outcome("group", ""), Outcome::out_of_shard);
  EXPECT_EQ(outcome("group", "is1"), Outcome::added);
  EXPECT_EQ(outcome("group", "is2"), Outcome::out_of_shard);
  options.sharding = RouteBook::Sharding::shared_and_segments;
  EXPECT_EQ(outcome("group", ""), Outcome::added);
  EXPECT_EQ(outcome("group", "is2"), Outcome::out_of_shard);
}

TEST_F(TcpBookTest, there_is_a_most_of_instances) {
  options.endpoints_max = 2;
  book().add(instance(1024, "10.0.0.1", 1), now);
  book().add(instance(1024, "10.0.0.2", 1), now);
  EXPECT_EQ(book().add(instance(1024, "10.0.0.3", 1), now).outcome, Outcome::refused);
}

TEST_F(TcpBookTest, the_table_is_shown_as_json) {
  auto message = instance(1024, "10.0.0.1", 1);
  message.app = "app";
  book().add(message, now);
  EXPECT_EQ(book().to_json(now + seconds(3)),
            R"({"1024":[{"address":"10.0.0.1:1","router_group_guid":"group","app":"app",)"
            R"("private_instance_id":"","private_instance_index":"","availability_zone":"",)"
            R"("isolation_segment":"","age":3,"ttl":120}]})");
}

}  // namespace
}  // namespace causeway::router
