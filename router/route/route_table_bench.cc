#include <bit>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/clock.h"
#include "base/rng.h"
#include "router/route/host_hash.h"
#include "router/route/route_book.h"
#include "router/route/route_table.h"

namespace causeway::router {
namespace {

// A registration as route-emitter sends it, reduced to what every one has.
RouteChange registration(size_t i) {
  RouteChange change;
  change.uris = {"app-" + std::to_string(i) + ".apps.example.com"};
  change.endpoint.host = "10." + std::to_string(i >> 16 & 255) + "." +
                         std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
  change.endpoint.port = 61001;
  change.endpoint.app_id = "0f3b1cd2-7a5e-4ac1-9f58-0123456789ab";
  change.endpoint.instance_id = "5e8b1cd2-7a5e-4ac1-9f58-0123456789ab";
  change.endpoint.instance_index = "0";
  return change;
}

struct Filled {
  explicit Filled(size_t routes) : book({}, clock) {
    for (size_t i = 0; i < routes; ++i) book.apply(registration(i));
    table = book.publish();
    Rng rng(1);
    for (int i = 0; i < 65'536; ++i) hosts.push_back(registration(rng.below(routes)).uris[0]);
  }
  SystemClock clock;
  RouteBook book;
  std::shared_ptr<const RouteTable> table;
  std::vector<std::string> hosts;  // to ask for
};

Filled& filled(size_t routes) {
  static std::map<size_t, std::unique_ptr<Filled>> all;
  auto& slot = all[routes];
  if (slot == nullptr) slot = std::make_unique<Filled>(routes);
  return *slot;
}

void find(benchmark::State& state) {
  const Filled& f = filled(static_cast<size_t>(state.range(0)));
  size_t i = 0;
  for (auto _ : state) {
    const Pool* pool = f.table->find(f.hosts[i++ & 65'535], "/some/path");
    if (pool == nullptr) state.SkipWithError("no route");
    benchmark::DoNotOptimize(pool);
  }
  state.counters["table_bytes_per_route"] =
      static_cast<double>(f.table->footprint_bytes()) / static_cast<double>(f.table->size());
  // Key, and what the endpoint says of itself: the route's strings.
  const RouteChange example = registration(0);
  const EndpointSpec& spec = example.endpoint;
  const size_t strings = example.uris[0].size() + spec.host.size() + spec.app_id.size() +
                         spec.instance_id.size() + spec.instance_index.size();
  state.counters["table_bytes_beyond_strings"] =
      state.counters["table_bytes_per_route"] - static_cast<double>(strings);
  state.counters["book_bytes_per_route"] =
      static_cast<double>(f.book.footprint_bytes()) / static_cast<double>(f.table->size());
}

void find_nothing(benchmark::State& state) {
  const Filled& f = filled(static_cast<size_t>(state.range(0)));
  for (auto _ : state)
    benchmark::DoNotOptimize(f.table->find("no.such.host.example.org", "/some/path"));
}

// The measure: one flat hash table of exact hosts, open addressing, half full, no paths, no
// wildcards, no snapshots.
void find_in_a_flat_hash_map(benchmark::State& state) {
  const Filled& f = filled(static_cast<size_t>(state.range(0)));
  struct Slot {
    uint64_t hash = 0;
    const Pool* pool = nullptr;
  };
  std::vector<Slot> slots(std::bit_ceil(f.table->size() * 2));
  const size_t mask = slots.size() - 1;
  f.table->for_each([&](const Pool& pool) {
    const uint64_t hash = hash_of(pool.key());
    size_t i = hash & mask;
    while (slots[i].pool != nullptr) i = (i + 1) & mask;
    slots[i] = {hash, &pool};
  });
  size_t i = 0;
  std::string lowered;
  for (auto _ : state) {
    const std::string& host = f.hosts[i++ & 65'535];
    lowered.resize(host.size());
    for (size_t c = 0; c < host.size(); ++c) lowered[c] = lower(host[c]);
    const uint64_t hash = hash_of(lowered);
    size_t at = hash & mask;
    while (slots[at].pool != nullptr &&
           (slots[at].hash != hash || slots[at].pool->key() != lowered)) {
      at = (at + 1) & mask;
    }
    benchmark::DoNotOptimize(slots[at].pool);
  }
}

void publish_one_change(benchmark::State& state) {
  Filled& f = filled(static_cast<size_t>(state.range(0)));
  uint16_t port = 1;
  for (auto _ : state) {
    RouteChange change = registration(7);
    change.endpoint.port = ++port;
    f.book.apply(change);
    benchmark::DoNotOptimize(f.book.publish());
    change.kind = RouteChange::Kind::remove;
    f.book.apply(change);
    benchmark::DoNotOptimize(f.book.publish());
  }
}

void refresh(benchmark::State& state) {
  Filled& f = filled(static_cast<size_t>(state.range(0)));
  std::vector<RouteChange> changes;
  Rng rng(2);
  for (int i = 0; i < 1024; ++i) {
    changes.push_back(registration(rng.below(static_cast<uint64_t>(state.range(0)))));
  }
  size_t i = 0;
  for (auto _ : state) f.book.apply(changes[i++ & 1023]);
}

// From nothing to a published table, a snapshot after every 2,000 registrations.
void register_all(benchmark::State& state) {
  const auto routes = static_cast<size_t>(state.range(0));
  std::vector<RouteChange> changes;
  for (size_t i = 0; i < routes; ++i) changes.push_back(registration(i));
  const SystemClock clock;
  for (auto _ : state) {
    RouteBook book({}, clock);
    for (size_t i = 0; i < routes; ++i) {
      book.apply(changes[i]);
      if (i % 2000 == 0) book.publish();
    }
    benchmark::DoNotOptimize(book.publish());
  }
}

void prune_nothing(benchmark::State& state) {
  Filled& f = filled(static_cast<size_t>(state.range(0)));
  f.book.mark_all_fresh();
  for (auto _ : state) benchmark::DoNotOptimize(f.book.prune());
}

BENCHMARK(find)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(find_in_a_flat_hash_map)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(find_nothing)->Arg(100'000);
BENCHMARK(publish_one_change)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(refresh)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(register_all)->Arg(100'000)->Unit(benchmark::kMillisecond);
BENCHMARK(prune_nothing)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace causeway::router
