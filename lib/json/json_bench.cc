// What parsing costs, beside the bare library: a registration as each instance sends it.
#include <string_view>

#include <benchmark/benchmark.h>
#include <rapidjson/document.h>

#include "json/json.h"

namespace causeway::json {
namespace {

constexpr std::string_view message =
    R"({"host":"10.0.1.2","port":61001,"uris":["app-4711.apps.example.com"],)"
    R"("app":"0f3b1cd2-7a5e-4ac1-9f58-0123456789ab",)"
    R"("private_instance_id":"5e8b1cd2-7a5e-4ac1-9f58-0123456789ab","private_instance_index":"0",)"
    R"("endpoint_updated_at_ns":1700000000000000000,"availability_zone":"z1",)"
    R"("tags":{"app_id":"0f3b1cd2-7a5e-4ac1-9f58-0123456789ab","component":"route-emitter",)"
    R"("instance_id":"0","process_id":"0f3b1cd2-7a5e-4ac1-9f58-0123456789ab",)"
    R"("source_id":"0f3b1cd2-7a5e-4ac1-9f58-0123456789ab"}})";

void bare_parse(benchmark::State& state) {
  for (auto _ : state) {
    rapidjson::Document document;
    document.Parse(message.data(), message.size());
    if (document.HasParseError()) state.SkipWithError("not parsed");
    benchmark::DoNotOptimize(document.MemberCount());
  }
  state.SetBytesProcessed(static_cast<int64_t>(message.size()) * state.iterations());
}

// With what the wire asks for: UTF-8, a limit on nesting, nothing behind the end.
void parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Document::parse(message));
  state.SetBytesProcessed(static_cast<int64_t>(message.size()) * state.iterations());
}

BENCHMARK(bare_parse);
BENCHMARK(parse);

}  // namespace
}  // namespace causeway::json
