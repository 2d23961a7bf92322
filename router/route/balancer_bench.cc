#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "router/route/balancer.h"
#include "router/route/pool.h"

namespace causeway::router {
namespace {

Pool pool_of(size_t size, LoadBalancing balancing) {
  std::vector<std::shared_ptr<const Endpoint>> endpoints;
  for (size_t i = 0; i < size; ++i) {
    EndpointSpec spec;
    spec.host = "10.0.0.1";
    spec.port = static_cast<uint16_t>(1000 + i);
    endpoints.push_back(std::make_shared<const Endpoint>(i + 1, spec));
  }
  Pool::Terms terms{.balancing = balancing};
  if (balancing == LoadBalancing::hash) terms.hash_header = "Tenant";
  return Pool(1, "a.d", terms, endpoints);
}

// One exchange: pick, begin, end.
void exchange(benchmark::State& state, LoadBalancing balancing) {
  const auto size = static_cast<size_t>(state.range(0));
  const Pool pool = pool_of(size, balancing);
  Balancer balancer({.in_flight_max = 500}, 1);
  for (const auto& endpoint : pool.endpoints()) endpoint->began();
  for (auto _ : state) {
    const Endpoint* endpoint = balancer.pick(pool, {.hash_key = "tenant-17"}, Instant{});
    endpoint->began();
    endpoint->ended();
  }
}

BENCHMARK_CAPTURE(exchange, round_robin, LoadBalancing::round_robin)->Arg(1)->Arg(10)->Arg(1000);
BENCHMARK_CAPTURE(exchange, least_connection, LoadBalancing::least_connection)
    ->Arg(1)
    ->Arg(10)
    ->Arg(1000);
BENCHMARK_CAPTURE(exchange, hash, LoadBalancing::hash)->Arg(1)->Arg(10)->Arg(1000);

// What a change of a route with hash costs the control thread.
void make_table(benchmark::State& state) {
  const Pool pool = pool_of(static_cast<size_t>(state.range(0)), LoadBalancing::round_robin);
  for (auto _ : state) benchmark::DoNotOptimize(HashTable(pool.endpoints()));
}
BENCHMARK(make_table)->Arg(10)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace causeway::router
