// Snapshots are read by threads while the book goes on changing.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "router/route/balancer.h"
#include "router/route/route_book.h"

namespace causeway::router {
namespace {

// What a mailbox is between control thread and workers.
class Handover {
 public:
  void give(std::shared_ptr<const RouteTable> table) {
    const std::lock_guard lock(mutex_);
    table_ = std::move(table);
  }
  std::shared_ptr<const RouteTable> take() {
    const std::lock_guard lock(mutex_);
    return table_;
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const RouteTable> table_;
};

TEST(SnapshotTest, workers_read_whole_tables_while_the_book_changes) {
  ManualClock clock;
  RouteBook book({}, clock);
  Handover handover;
  std::atomic<bool> is_over{false};
  std::atomic<size_t> picked{0};
  handover.give(book.publish());
  std::vector<std::thread> workers;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    workers.emplace_back([&, seed] {
      Balancer balancer({}, seed);
      while (!is_over) {
        const auto table = handover.take();
        for (int i = 0; i < 40; ++i) {
          const Pool* pool = table->find("app" + std::to_string(i) + ".d", "/");
          if (pool == nullptr) continue;
          // Endpoint ports of one route are always complete: every publication adds or removes a
          // pair.
          ASSERT_EQ(pool->size() % 2, 0u);
          const Endpoint* endpoint = balancer.pick(*pool, {.hash_key = "k"}, Instant{});
          endpoint->began();
          ASSERT_EQ(endpoint->app_id(), std::to_string(i));
          endpoint->ended();
          ++picked;
        }
        balancer.sweep(*table, Instant{});
      }
    });
  }
  RouteChange change;
  change.endpoint.host = "10.0.0.1";
  for (int round = 0; round < 300 || picked < 1000; ++round) {
    const int route = round * 7 % 40;
    change.kind = round / 40 % 3 == 2 ? RouteChange::Kind::remove : RouteChange::Kind::add;
    change.uris = {"app" + std::to_string(route) + ".d"};
    change.endpoint.app_id = std::to_string(route);
    // Some by round-robin, some by least-connection, some by a hash.
    change.endpoint.balancing = static_cast<LoadBalancing>(route % 3);
    change.endpoint.hash_header = change.endpoint.balancing == LoadBalancing::hash ? "Tenant" : "";
    change.endpoint.availability_zone = std::to_string(round / 120);  // counted on by successors
    for (const int half : {0, 1}) {
      change.endpoint.port = static_cast<uint16_t>(1 + (round / 40 % 3 == 1 ? 2 : 0) + half);
      book.apply(change);
    }
    handover.give(book.publish());
  }
  is_over = true;
  for (std::thread& worker : workers) worker.join();
  book.publish()->for_each([](const Pool& pool) {
    for (const auto& endpoint : pool.endpoints()) EXPECT_EQ(endpoint->in_flight(), 0u);
  });
}

}  // namespace
}  // namespace causeway::router
