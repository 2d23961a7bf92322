#include <string>

#include <benchmark/benchmark.h>

#include "cf/wire/registry_message.h"
#include "router/feed/subscriber.h"

namespace causeway::router {
namespace {

const std::string kPayload = cf::to_json(
    cf::RegistryMessage{.host = "10.0.1.2",
                        .port = 61001,
                        .uris = {"app-4711.apps.example.com"},
                        .app = "0f3b1cd2-7a5e-4ac1-9f58-0123456789ab",
                        .private_instance_id = "5e8b1cd2-7a5e-4ac1-9f58-0123456789ab",
                        .private_instance_index = "0",
                        .endpoint_updated_at_ns = 1'700'000'000'000'000'000,
                        .availability_zone = "z1",
                        .tags = {{"app_id", "0f3b1cd2-7a5e-4ac1-9f58-0123456789ab"},
                                 {"component", "route-emitter"},
                                 {"instance_id", "0"},
                                 {"process_id", "0f3b1cd2-7a5e-4ac1-9f58-0123456789ab"},
                                 {"source_id", "0f3b1cd2-7a5e-4ac1-9f58-0123456789ab"}}});

void parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(cf::parse_registry_message(kPayload));
  state.SetBytesProcessed(static_cast<int64_t>(kPayload.size()) * state.iterations());
}

// What each endpoint's refresh costs the control thread.
void parse_and_refresh(benchmark::State& state) {
  const SystemClock clock;
  RouteBook book({}, clock);
  RouteChange change;
  for (auto _ : state) {
    to_change(cf::parse_registry_message(kPayload).value(), RouteChange::Kind::add, change);
    book.apply(change);
  }
}

BENCHMARK(parse);
BENCHMARK(parse_and_refresh);

}  // namespace
}  // namespace causeway::router
