// What a line of the access log costs the worker that writes it.
#include <string>

#include <benchmark/benchmark.h>

#include "router/observe/access_record.h"

namespace causeway::router {
namespace {

AccessRecord usual_record() {
  AccessRecord record;
  record.started_unix_ns = 1'767'323'045'123'456'789;
  record.host = "app.example.com";
  record.method = "GET";
  record.target = "/api/v1/things/4711?page=3&order=name";
  record.status = 200;
  record.sent_bytes = 1234;
  record.referer = "https://app.example.com/things";
  record.user_agent =
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari";
  record.client = "192.0.2.17:51234";
  record.backend = "10.255.12.7:61042";
  record.forwarded_for = "198.51.100.23, 192.0.2.17";
  record.forwarded_proto = "https";
  record.request_id = "e7b994d5-6d64-4b62-86e0-71be98e98e1b";
  record.response_seconds = 0.012345;
  record.gorouter_seconds = 0.000031;
  record.app_id = "0123abcd-0123-4567-89ab-0123456789ab";
  record.app_index = "3";
  record.instance_id = "a1b2c3d4-e5f6-4789-8abc-def012345678";
  return record;
}

void access_line(benchmark::State& state) {
  const AccessRecord record = usual_record();
  const Settings settings;
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_access_line(out, record, settings, nullptr);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(out.size()) * state.iterations());
}
BENCHMARK(access_line);

}  // namespace
}  // namespace causeway::router
