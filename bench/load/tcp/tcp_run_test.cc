#include <string>

#include <gtest/gtest.h>

#include "bench/load/backend/backend.h"
#include "bench/load/tcp/tcp_plan.h"
#include "net/loopback_test.h"

namespace causeway::load {
namespace {

using Mode = TcpOptions::Mode;
using Protocol = BackendOptions::Protocol;

std::unique_ptr<Backend> backend_of(Protocol protocol) {
  BackendOptions options;
  options.protocol = protocol;
  return Backend::start(options).value();
}

struct TcpScene {
  explicit TcpScene(Protocol protocol) : backend(backend_of(protocol)) {
    options.connections = 4;
    options.threads = 2;
    options.duration = Milliseconds(300);
    options.timeout = std::chrono::seconds(30);
    options.targets = {backend->address().to_string()};
  }
  Result<RunRecord> run() {
    const auto plan = make_tcp_plan(options);
    EXPECT_TRUE(plan);
    return run_tcp(*plan, {});
  }
  std::unique_ptr<Backend> backend;
  TcpOptions options;
};

TEST(TcpRun, connects_at_a_rate) {
  for (const bool round_trip : {false, true}) {
    TcpScene scene(Protocol::tcp_echo);
    scene.options.rate = "200";
    scene.options.round_trip = round_trip;
    scene.options.resets = !round_trip;
    const auto record = scene.run();
    ASSERT_TRUE(record);
    EXPECT_EQ(record->replies, 60u);
    EXPECT_EQ(record->failures, 0u);
    EXPECT_EQ(record->connect_time.count, 60u);
    EXPECT_EQ(record->unit, "connects");
    EXPECT_EQ(record->bytes_in > 0, round_trip);
  }
}

TEST(TcpRun, blocks_pass_in_every_direction) {
  struct Way {
    Mode mode;
    Protocol protocol;
    bool sends, receives;
  };
  for (const Way way : {Way{Mode::echo, Protocol::tcp_echo, true, true},
                        Way{Mode::send, Protocol::tcp_sink, true, false},
                        Way{Mode::receive, Protocol::tcp_source, false, true}}) {
    TcpScene scene(way.protocol);
    scene.options.mode = way.mode;
    const auto closed = scene.run();
    ASSERT_TRUE(closed);
    EXPECT_GT(closed->replies, 4u);
    EXPECT_EQ(closed->failures, 0u) << to_json(*closed);
    EXPECT_EQ(closed->bytes_out > 0, way.sends);
    EXPECT_EQ(closed->bytes_in > 0, way.receives);
    scene.options.rate = "100";
    scene.options.block_bytes = 1000;
    const auto open = scene.run();
    ASSERT_TRUE(open);
    EXPECT_EQ(open->replies, 30u);
  }
}

TEST(TcpRun, a_slow_client_takes_its_time) {
  TcpScene scene(Protocol::tcp_echo);
  scene.options.mode = Mode::echo;
  scene.options.rate = "20";
  scene.options.block_bytes = 400;
  scene.options.speed = {.send = 4000, .read = 4000};
  const auto record = scene.run();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->replies, 6u);
  EXPECT_GE(record->service.min, 50e6);  // 100 ms each way, overlapping, but for the first steps
  EXPECT_EQ(record->send_speed, 4000);
}

TEST(TcpRun, says_what_is_wrong) {
  const net::loopback::RefusingPort port;
  TcpOptions options;
  options.rate = "10";
  options.targets = {port.address.to_string()};
  EXPECT_EQ(run_tcp(make_tcp_plan(options).value(), {}).error().fault, Fault::refused);
  options.targets = {"nowhere"};
  EXPECT_FALSE(make_tcp_plan(options));
  options.targets.clear();
  EXPECT_FALSE(make_tcp_plan(options));
}

}  // namespace
}  // namespace causeway::load
