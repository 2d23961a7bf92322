#include "router/route/route_book.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "test/support/allocation_count.h"

namespace causeway::router {
namespace {

using std::chrono::seconds;
using Kind = RouteChange::Kind;

RouteChange change_of(Kind kind, std::vector<std::string> uris, std::string host, uint16_t port) {
  RouteChange change;
  change.kind = kind;
  change.uris = std::move(uris);
  change.endpoint.host = std::move(host);
  change.endpoint.port = port;
  return change;
}

class RouteBookTest : public testing::Test {
 protected:
  RouteBook& book(RouteBook::Options options = {}) {
    if (book_ == nullptr) {
      book_ = std::make_unique<RouteBook>(std::move(options), clock_);
      book_->on_applied([this](const RouteBook::Applied& applied, const EndpointSpec&) {
        outcomes_.push_back(applied.outcome);
        edges_.push_back(applied.is_route_edge);
      });
    }
    return *book_;
  }
  Outcome last() const { return outcomes_.empty() ? Outcome::refused : outcomes_.back(); }
  Outcome add(std::string uri, uint16_t port) {
    book().apply(change_of(Kind::add, {std::move(uri)}, "10.0.0.1", port));
    return last();
  }
  Outcome remove(std::string uri, uint16_t port) {
    book().apply(change_of(Kind::remove, {std::move(uri)}, "10.0.0.1", port));
    return last();
  }
  const Pool* pool(std::string_view key) {
    table_ = book().publish();
    return table_->find_exact(key);
  }

  ManualClock clock_;
  std::unique_ptr<RouteBook> book_;
  std::vector<Outcome> outcomes_;
  std::vector<bool> edges_;
  std::shared_ptr<const RouteTable> table_;
};

std::vector<EndpointId> departed_with(const std::shared_ptr<const RouteTable>& table) {
  return {table->departed().begin(), table->departed().end()};
}

TEST_F(RouteBookTest, a_failed_endpoint_goes_only_if_it_has_tls_and_only_from_that_route) {
  RouteChange change = change_of(Kind::add, {"a.d", "b.d"}, "10.0.0.1", 1);
  change.endpoint.tls = true;
  book().apply(change);
  add("a.d", 2);
  const EndpointId tls = pool("a.d")->endpoints()[0]->id();
  const EndpointId plain = pool("a.d")->endpoints()[1]->id();
  EXPECT_EQ(book().remove_failed({"a.d", plain}), nullptr);
  EXPECT_EQ(book().remove_failed({"never.d", tls}), nullptr);
  EXPECT_FALSE(book().has_unpublished());
  const auto removed = book().remove_failed({"a.d", tls});
  ASSERT_NE(removed, nullptr);
  EXPECT_EQ(removed->authority(), "10.0.0.1:1");
  EXPECT_EQ(book().remove_failed({"a.d", tls}), nullptr);
  EXPECT_EQ(pool("a.d")->size(), 1u);
  EXPECT_EQ(departed_with(table_), std::vector<EndpointId>{tls});
  EXPECT_EQ(pool("b.d")->size(), 1u);
  EXPECT_NE(book().remove_failed({"b.d", tls}), nullptr);
  EXPECT_EQ(pool("b.d"), nullptr);  // the route went with its last endpoint
  EXPECT_EQ(book().endpoints(), 1u);
}

TEST_F(RouteBookTest, a_failed_last_endpoint_leaves_an_emptied_route_where_those_are_kept) {
  book({.keep_emptied_routes = true, .emptied_route_lifetime = seconds(10)});
  RouteChange change = change_of(Kind::add, {"a.d"}, "10.0.0.1", 1);
  change.endpoint.tls = true;
  book().apply(change);
  EXPECT_NE(book().remove_failed({"a.d", pool("a.d")->endpoints()[0]->id()}), nullptr);
  ASSERT_NE(pool("a.d"), nullptr);
  EXPECT_TRUE(pool("a.d")->empty());
  EXPECT_EQ(book().routes(), 0u);
}

TEST_F(RouteBookTest, a_route_emptied_by_failures_is_there_until_the_next_pruning) {
  book({.keep_emptied_routes = true});
  RouteChange change = change_of(Kind::add, {"a.d", "b.d"}, "10.0.0.1", 1);
  change.endpoint.tls = true;
  book().apply(change);
  const EndpointId id = pool("a.d")->endpoints()[0]->id();
  EXPECT_NE(book().remove_failed({"a.d", id}), nullptr);
  ASSERT_NE(pool("a.d"), nullptr);
  EXPECT_TRUE(pool("a.d")->empty());
  EXPECT_EQ(book().routes(), 1u);
  clock_.advance(seconds(1));
  book().prune();
  EXPECT_EQ(pool("a.d"), nullptr);
  // Withdrawn, it goes at once.
  change.kind = Kind::remove;
  change.uris = {"b.d"};
  book().apply(change);
  EXPECT_EQ(pool("b.d"), nullptr);
}

TEST_F(RouteBookTest, a_snapshot_names_the_endpoints_that_left_since_the_one_before) {
  add("a.d", 1);
  add("a.d", 2);
  const EndpointId first = pool("a.d")->endpoints()[0]->id();
  const EndpointId second = pool("a.d")->endpoints()[1]->id();
  EXPECT_TRUE(departed_with(table_).empty());
  remove("a.d", 2);
  pool("a.d");
  EXPECT_EQ(departed_with(table_), std::vector<EndpointId>{second});
  // Another name to verify: connections made before do not serve it.
  RouteChange change = change_of(Kind::add, {"a.d"}, "10.0.0.1", 1);
  change.endpoint.server_cert_domain_san = "san";
  book().apply(change);
  EXPECT_NE(pool("a.d")->endpoints()[0]->id(), first);
  EXPECT_EQ(departed_with(table_), std::vector<EndpointId>{first});
  const EndpointId third = pool("a.d")->endpoints()[0]->id();
  clock_.advance(seconds(121));
  EXPECT_EQ(book().prune().size(), 1u);
  pool("a.d");
  EXPECT_EQ(departed_with(table_), std::vector<EndpointId>{third});
}

TEST_F(RouteBookTest, adds_updates_and_removes) {
  EXPECT_EQ(add("App.d/X/", 1), Outcome::added);
  EXPECT_EQ(add("app.d/x", 2), Outcome::added);
  ASSERT_NE(pool("app.d/x"), nullptr);
  EXPECT_EQ(pool("app.d/x")->size(), 2u);
  EXPECT_EQ(book().routes(), 1u);
  EXPECT_EQ(book().endpoints(), 2u);
  RouteChange change = change_of(Kind::add, {"app.d/x"}, "10.0.0.1", 1);
  change.endpoint.app_id = "app";
  book().apply(change);
  EXPECT_EQ(last(), Outcome::updated);
  EXPECT_EQ(pool("app.d/x")->endpoints()[0]->app_id(), "app");
  EXPECT_EQ(remove("app.d/x", 1), Outcome::removed);
  EXPECT_EQ(remove("app.d/x", 1), Outcome::not_found);
  EXPECT_EQ(pool("app.d/x")->size(), 1u);
  EXPECT_EQ(remove("app.d/x", 2), Outcome::removed);
  EXPECT_EQ(pool("app.d/x"), nullptr);
  EXPECT_EQ(book().routes(), 0u);
  EXPECT_EQ(book().endpoints(), 0u);
  EXPECT_EQ(remove("never.d", 2), Outcome::not_found);
  EXPECT_EQ(edges_, (std::vector<bool>{true, false, false, false, false, true, false}));
}

TEST_F(RouteBookTest, a_refresh_publishes_nothing) {
  add("app.d", 1);
  const auto before = book().publish();
  EXPECT_FALSE(book().has_unpublished());
  EXPECT_EQ(add("app.d", 1), Outcome::refreshed);
  EXPECT_FALSE(book().has_unpublished());
  EXPECT_EQ(book().publish(), before);
}

TEST_F(RouteBookTest, a_refresh_allocates_nothing) {
  RouteBook quiet({}, clock_);
  RouteChange change =
      change_of(Kind::add, {"App.Example.com/Path", "*.example.com"}, "10.0.0.1", 1);
  change.endpoint.tags = {{"component", "web"},
                          {"process_id", "a-long-process-guid-of-36-characters"}};
  quiet.apply(change);
  quiet.publish();
  const size_t before = test::allocations_so_far();
  for (int i = 0; i < 100; ++i) quiet.apply(change);
  EXPECT_EQ(test::allocations_so_far(), before);
}

TEST_F(RouteBookTest, a_lookup_allocates_nothing) {
  add("a.d", 1);
  add("*.d/x", 1);
  const auto table = book().publish();
  const size_t before = test::allocations_so_far();
  EXPECT_NE(table->find("A.d:80", "/x"), nullptr);
  EXPECT_NE(table->find("b.c.d", "/x/y"), nullptr);
  EXPECT_EQ(table->find("b.e", "/"), nullptr);
  EXPECT_EQ(test::allocations_so_far(), before);
}

TEST_F(RouteBookTest, unchanged_routes_are_shared_between_snapshots) {
  add("a.d", 1);
  add("b.d", 1);
  const auto before = book().publish();
  add("a.d", 2);
  const auto after = book().publish();
  EXPECT_EQ(before->find_exact("b.d"), after->find_exact("b.d"));
  EXPECT_NE(before->find_exact("a.d"), after->find_exact("a.d"));
  EXPECT_EQ(before->find_exact("a.d")->id(), after->find_exact("a.d")->id());
  EXPECT_EQ(before->find_exact("a.d")->size(), 1u);
}

TEST_F(RouteBookTest, one_message_makes_one_endpoint_for_all_its_uris) {
  book().apply(change_of(Kind::add, {"a.d", "b.d"}, "10.0.0.1", 1));
  EXPECT_EQ(pool("a.d")->endpoints()[0], pool("b.d")->endpoints()[0]);
  book().apply(change_of(Kind::add, {"c.d", "a.d"}, "10.0.0.1", 1));
  EXPECT_EQ(pool("a.d")->endpoints()[0], pool("c.d")->endpoints()[0]);
  EXPECT_EQ(book().endpoints(), 3u);
}

TEST_F(RouteBookTest, an_endpoint_keeps_its_id_as_long_as_its_connections_serve) {
  add("a.d", 1);
  const EndpointId id = pool("a.d")->endpoints()[0]->id();
  RouteChange change = change_of(Kind::add, {"a.d"}, "10.0.0.1", 1);
  change.endpoint.tags["component"] = "web";
  book().apply(change);
  EXPECT_EQ(pool("a.d")->endpoints()[0]->id(), id);
  change.endpoint.server_cert_domain_san = "other";
  book().apply(change);
  EXPECT_NE(pool("a.d")->endpoints()[0]->id(), id);
}

TEST_F(RouteBookTest, the_last_registration_sets_the_terms_of_its_route) {
  add("a.d", 1);
  EXPECT_EQ(pool("a.d")->balancing(), LoadBalancing::round_robin);
  RouteChange change = change_of(Kind::add, {"a.d"}, "10.0.0.1", 2);
  change.endpoint.balancing = LoadBalancing::least_connection;
  change.endpoint.route_service_url = "https://service";
  book().apply(change);
  EXPECT_EQ(pool("a.d")->balancing(), LoadBalancing::least_connection);
  EXPECT_EQ(pool("a.d")->route_service_url(), "https://service");
  EXPECT_EQ(add("a.d", 1), Outcome::refreshed);  // the other one again, without terms of its own
  EXPECT_EQ(pool("a.d")->balancing(), LoadBalancing::round_robin);
  EXPECT_EQ(pool("a.d")->route_service_url(), "");
}

TEST_F(RouteBookTest, modification_tags_order_registrations) {
  RouteChange change = change_of(Kind::add, {"a.d"}, "10.0.0.1", 1);
  const auto apply = [&](Kind kind, std::string guid, uint32_t index) {
    change.kind = kind;
    change.endpoint.modification_tag = {std::move(guid), index};
    book().apply(change);
    return last();
  };
  EXPECT_EQ(apply(Kind::add, "g", 5), Outcome::added);
  EXPECT_EQ(apply(Kind::add, "g", 5), Outcome::refreshed);
  EXPECT_EQ(apply(Kind::add, "g", 4), Outcome::outdated);
  EXPECT_EQ(apply(Kind::remove, "g", 4), Outcome::not_found);
  EXPECT_EQ(apply(Kind::add, "g", 6), Outcome::updated);
  EXPECT_EQ(apply(Kind::add, "h", 1), Outcome::updated);  // another guid: the newcomer wins
  EXPECT_EQ(apply(Kind::add, "", 0), Outcome::updated);   // none: newer wins
  EXPECT_EQ(apply(Kind::add, "g", 1), Outcome::updated);
  EXPECT_EQ(apply(Kind::remove, "g", 1), Outcome::removed);
}

TEST_F(RouteBookTest, an_outdated_registration_does_not_refresh) {
  RouteChange change = change_of(Kind::add, {"a.d"}, "10.0.0.1", 1);
  change.endpoint.modification_tag = {"g", 2};
  book().apply(change);
  clock_.advance(seconds(100));
  change.endpoint.modification_tag = {"g", 1};
  book().apply(change);
  clock_.advance(seconds(21));
  EXPECT_EQ(book().prune().size(), 1u);
}

TEST_F(RouteBookTest, prunes_plaintext_endpoints_beyond_their_threshold) {
  add("a.d", 1);
  RouteChange quick = change_of(Kind::add, {"a.d"}, "10.0.0.1", 2);
  quick.endpoint.stale_threshold = seconds(10);
  quick.endpoint.isolation_segment = "segment";
  book().apply(quick);
  RouteChange slow = change_of(Kind::add, {"a.d"}, "10.0.0.1", 3);
  slow.endpoint.stale_threshold = seconds(1000);  // longer than the router's own: does not count
  book().apply(slow);
  RouteChange tls = change_of(Kind::add, {"a.d"}, "10.0.0.1", 4);
  tls.endpoint.tls = true;
  book().apply(tls);

  clock_.advance(seconds(10));
  EXPECT_TRUE(book().prune().empty());
  clock_.advance(seconds(1));
  const auto first = book().prune();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].key, "a.d");
  EXPECT_EQ(first[0].endpoints, (std::vector<std::string>{"10.0.0.1:2"}));
  EXPECT_EQ(first[0].isolation_segment, "segment");

  clock_.advance(seconds(109));  // 120 in all
  EXPECT_TRUE(book().prune().empty());
  clock_.advance(seconds(1));
  const auto second = book().prune();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].endpoints, (std::vector<std::string>{"10.0.0.1:1", "10.0.0.1:3"}));
  clock_.advance(std::chrono::hours(1000));
  EXPECT_TRUE(book().prune().empty());
  EXPECT_EQ(pool("a.d")->size(), 1u);  // TLS does not age
}

TEST_F(RouteBookTest, a_refresh_keeps_an_endpoint_from_being_pruned) {
  add("a.d", 1);
  for (int i = 0; i < 5; ++i) {
    clock_.advance(seconds(100));
    add("a.d", 1);
    EXPECT_TRUE(book().prune().empty());
  }
}

TEST_F(RouteBookTest, a_route_without_endpoints_goes_with_its_last_one) {
  add("a.d", 1);
  EXPECT_NE(pool("a.d"), nullptr);
  clock_.advance(seconds(121));
  EXPECT_EQ(book().prune().size(), 1u);
  EXPECT_EQ(pool("a.d"), nullptr);
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(RouteBookTest, emptied_routes_are_kept_for_their_time) {
  book({.keep_emptied_routes = true, .emptied_route_lifetime = seconds(60)});
  add("removed.d", 1);
  add("pruned.d", 2);
  remove("removed.d", 1);
  ASSERT_NE(pool("removed.d"), nullptr);
  EXPECT_TRUE(pool("removed.d")->empty());
  EXPECT_EQ(book().routes(), 1u);
  clock_.advance(seconds(60));
  book().prune();
  EXPECT_NE(pool("removed.d"), nullptr);
  clock_.advance(seconds(1));
  book().prune();
  EXPECT_EQ(pool("removed.d"), nullptr);
  clock_.advance(seconds(60));
  EXPECT_EQ(book().prune().size(), 1u);
  ASSERT_NE(pool("pruned.d"), nullptr);
  EXPECT_TRUE(pool("pruned.d")->empty());
  EXPECT_EQ(add("pruned.d", 3), Outcome::added);  // and back again
  EXPECT_EQ(pool("pruned.d")->size(), 1u);
  EXPECT_EQ(book().routes(), 1u);
}

TEST_F(RouteBookTest, without_a_time_to_keep_emptied_routes_go_at_once) {
  book({.keep_emptied_routes = true});
  add("a.d", 1);
  remove("a.d", 1);
  EXPECT_EQ(pool("a.d"), nullptr);
}

TEST_F(RouteBookTest, mark_all_fresh_gives_everyone_another_term) {
  add("a.d", 1);
  clock_.advance(seconds(500));
  book().mark_all_fresh();
  EXPECT_TRUE(book().prune().empty());
  clock_.advance(seconds(121));
  EXPECT_EQ(book().prune().size(), 1u);
}

TEST_F(RouteBookTest, prunes_in_steps) {
  for (uint16_t i = 1; i <= 100; ++i) add("app" + std::to_string(i) + ".d", i);
  clock_.advance(seconds(121));
  std::vector<RouteBook::Pruned> pruned;
  size_t cursor = 0;
  int steps = 1;
  while (!book().prune_some(cursor, 7, pruned)) ++steps;
  EXPECT_EQ(steps, 15);
  EXPECT_EQ(pruned.size(), 100u);
  EXPECT_EQ(book().routes(), 0u);
}

TEST_F(RouteBookTest, sharding_accepts_only_its_segments) {
  using Sharding = RouteBook::Sharding;
  const auto outcome = [this](Sharding sharding, std::string segment) {
    book_.reset();
    book({.sharding = sharding, .isolation_segments = {"mine", "ours"}});
    RouteChange change = change_of(Kind::add, {"a.d"}, "10.0.0.1", 1);
    change.endpoint.isolation_segment = std::move(segment);
    book().apply(change);
    return last();
  };
  EXPECT_EQ(outcome(Sharding::all, "other"), Outcome::added);
  EXPECT_EQ(outcome(Sharding::segments, "mine"), Outcome::added);
  EXPECT_EQ(outcome(Sharding::segments, "other"), Outcome::out_of_shard);
  EXPECT_EQ(outcome(Sharding::segments, ""), Outcome::out_of_shard);
  EXPECT_EQ(outcome(Sharding::shared_and_segments, "ours"), Outcome::added);
  EXPECT_EQ(outcome(Sharding::shared_and_segments, ""), Outcome::added);
  EXPECT_EQ(outcome(Sharding::shared_and_segments, "other"), Outcome::out_of_shard);
}

TEST_F(RouteBookTest, refuses_what_is_beyond_the_limits) {
  EXPECT_EQ(add(std::string(513, 'a'), 1), Outcome::refused);
  EXPECT_EQ(add("", 1), Outcome::refused);
  EXPECT_EQ(add("/", 1), Outcome::refused);
  EXPECT_EQ(add("//path", 1), Outcome::refused);
  RouteChange change = change_of(Kind::add, {"a.d"}, "10.0.0.1", 1);
  change.endpoint.tags["big"] = std::string(70'000, 'x');
  book().apply(change);
  EXPECT_EQ(last(), Outcome::refused);
  EXPECT_EQ(book().routes(), 0u);
  EXPECT_FALSE(book().has_unpublished());
}

TEST_F(RouteBookTest, a_route_that_comes_and_goes_between_snapshots_leaves_nothing) {
  add("a.d", 1);
  remove("a.d", 1);
  EXPECT_EQ(pool("a.d"), nullptr);
  add("a.d", 1);
  const PoolId first = pool("a.d")->id();
  remove("a.d", 1);
  add("a.d", 2);  // the slot is used again
  add("b.d", 2);
  EXPECT_EQ(pool("a.d")->endpoints()[0]->port(), 2);
  EXPECT_NE(pool("a.d")->id(), first);
  EXPECT_EQ(table_->size(), 2u);
}

TEST_F(RouteBookTest, old_snapshots_live_as_long_as_somebody_holds_them) {
  add("a.d", 1);
  const auto held = book().publish();
  remove("a.d", 1);
  book().publish();
  add("b.d", 1);
  book().publish();
  EXPECT_EQ(held->find("a.d", "/")->size(), 1u);
}

// The book against a plain map of the same rules.
struct Model {
  struct Held {
    Instant heard;
    bool tls;
    std::string app_id;
  };
  std::map<std::string, std::map<uint16_t, Held>> routes;

  void prune(Instant now) {
    for (auto& [key, endpoints] : routes) {
      std::erase_if(endpoints, [&](const auto& entry) {
        return !entry.second.tls && now - entry.second.heard > seconds(120);
      });
    }
    std::erase_if(routes, [](const auto& entry) { return entry.second.empty(); });
  }
};

TEST_F(RouteBookTest, agrees_with_a_plain_model_through_random_changes) {
  Rng rng(77);
  Model model;
  for (int round = 0; round < 20'000; ++round) {
    const std::string key = "app" + std::to_string(rng.below(30)) + ".d";
    const auto port = static_cast<uint16_t>(1 + rng.below(8));
    switch (rng.below(8)) {
      case 0: {
        remove(key, port);
        const auto route = model.routes.find(key);
        if (route == model.routes.end()) break;
        route->second.erase(port);
        if (route->second.empty()) model.routes.erase(route);
        break;
      }
      case 1:
        clock_.advance(seconds(rng.below(20)));
        break;
      case 2:
        book().prune();
        model.prune(clock_.now());
        break;
      default: {
        RouteChange change = change_of(Kind::add, {key}, "10.0.0.1", port);
        change.endpoint.tls = rng.below(4) == 0;
        change.endpoint.app_id = "app" + std::to_string(rng.below(3));
        book().apply(change);
        model.routes[key][port] = {clock_.now(), change.endpoint.tls, change.endpoint.app_id};
      }
    }
    if (round % 50 != 0) continue;
    table_ = book().publish();
    ASSERT_EQ(table_->size(), model.routes.size());
    size_t endpoints = 0;
    for (const auto& [route, held] : model.routes) {
      const Pool* published = table_->find_exact(route);
      ASSERT_NE(published, nullptr) << route;
      ASSERT_EQ(published->size(), held.size());
      for (const auto& endpoint : published->endpoints()) {
        const auto expected = held.find(endpoint->port());
        ASSERT_NE(expected, held.end());
        EXPECT_EQ(endpoint->is_tls(), expected->second.tls);
        EXPECT_EQ(endpoint->app_id(), expected->second.app_id);
      }
      endpoints += held.size();
    }
    ASSERT_EQ(book().endpoints(), endpoints);
    ASSERT_EQ(book().routes(), model.routes.size());
  }
}

}  // namespace
}  // namespace causeway::router
