// What one call costs, client and server on one loop and one processor.

#include <benchmark/benchmark.h>

#include "rpc/client.h"
#include "rpc/server.h"
#include "rpc/test_bed.h"

namespace causeway::rpc {
namespace {

void BM_calls(benchmark::State& state) {
  test::TestBed bed;
  Server server(bed.loop(), bed.logger());
  server.route("POST", "/v1/ping", [](const Request& request, Responder responder) {
    responder.reply(200, "application/x-protobuf", request.body);
  });
  auto address = server.listen(net::Address::loopback(0));
  CHECK(address.has_value());
  Client client(bed.loop());
  const auto in_flight = static_cast<size_t>(state.range(0));
  const std::string body(200, 'x');
  for (auto _ : state) {
    size_t answered = 0;
    for (size_t i = 0; i < in_flight; ++i) {
      client.send({.url = "http://" + address->to_string() + "/v1/ping", .body = body},
                  [&](const Result<Reply>& reply) {
                    CHECK(reply.has_value());
                    ++answered;
                  });
    }
    while (answered < in_flight) bed.loop().run_once();
  }
  state.SetItemsProcessed(static_cast<int64_t>(in_flight) * state.iterations());
}
BENCHMARK(BM_calls)->Arg(1)->Arg(16)->Arg(64);

}  // namespace
}  // namespace causeway::rpc
