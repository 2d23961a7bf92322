#include <string>

#include <benchmark/benchmark.h>

#include "router/observe/access_record.h"

namespace causeway::router {
namespace {

void access_log_line(benchmark::State& state) {
  const Settings settings;
  AccessRecord record;
  record.started_unix_ns = 1'700'000'000'123'456'789;
  record.host = "app-4711.apps.example.com";
  record.method = "GET";
  record.target = "/products/search?q=shoes&page=2";
  record.status = 200;
  record.sent_bytes = 16'384;
  record.referer = "https://app-4711.apps.example.com/products";
  record.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
  record.client = "192.0.2.7:40000";
  record.backend = "10.0.1.2:61001";
  record.forwarded_for = "198.51.100.1, 192.0.2.7";
  record.forwarded_proto = "https";
  record.request_id = "01234567-89ab-cdef-0123-456789abcdef";
  record.response_seconds = 0.012345;
  record.gorouter_seconds = 0.000045;
  record.app_id = "0f3b1cd2-7a5e-4ac1-9f58-0123456789ab";
  record.app_index = "0";
  record.instance_id = "5e8b1cd2-7a5e-4ac1-9f58-0123456789ab";
  std::string lines;
  for (auto _ : state) {
    lines.clear();
    append_access_line(lines, record, settings, nullptr);
    benchmark::DoNotOptimize(lines.data());
    record.started_unix_ns += 1000;
  }
  state.SetBytesProcessed(static_cast<int64_t>(lines.size()) * state.iterations());
}

BENCHMARK(access_log_line);

}  // namespace
}  // namespace causeway::router
