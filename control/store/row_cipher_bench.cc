// What sealing costs: rows of the usual sizes (an instance, a small part, a large part).
#include <benchmark/benchmark.h>

#include "control/store/row_cipher.h"

namespace causeway::store {
namespace {

std::unique_ptr<const KeyRing> bench_ring() {
  return std::move(KeyRing::make({{"key-2026", "a passphrase"}}, "key-2026").value());
}

void seal_row(benchmark::State& state) {
  const auto keys = bench_ring();
  const std::string row(static_cast<size_t>(state.range(0)), 'r');
  for (auto _ : state)
    benchmark::DoNotOptimize(keys->seal("key-2026", "a:process-guid-of-the-usual-length/3", row));
}
BENCHMARK(seal_row)->Arg(350)->Arg(450)->Arg(4000);

void open_row(benchmark::State& state) {
  const auto keys = bench_ring();
  const std::string about = "a:process-guid-of-the-usual-length/3";
  const std::string row =
      keys->seal("key-2026", about, std::string(static_cast<size_t>(state.range(0)), 'r'));
  for (auto _ : state) benchmark::DoNotOptimize(keys->open(about, row));
}
BENCHMARK(open_row)->Arg(350)->Arg(450)->Arg(4000);

}  // namespace
}  // namespace causeway::store
