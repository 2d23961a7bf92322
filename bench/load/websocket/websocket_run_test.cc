#include <string>

#include <gtest/gtest.h>

#include "bench/load/backend/backend.h"
#include "bench/load/websocket/websocket_plan.h"

namespace causeway::load {
namespace {

struct WebSocketScene {
  explicit WebSocketScene(const BackendOptions& backend_options = {})
      : backend(Backend::start(backend_options).value()) {
    options.connections = 8;
    options.threads = 2;
    options.duration = Milliseconds(300);
    options.timeout = std::chrono::seconds(30);
    options.urls = {"ws://" + backend->address().to_string() + "/chat"};
  }
  Result<RunRecord> run(const RunExtras& extras = {}) {
    const auto plan = make_websocket_plan(options);
    EXPECT_TRUE(plan);
    return run_websocket(*plan, extras);
  }
  std::unique_ptr<Backend> backend;
  WebSocketOptions options;
};

TEST(WebSocketRun, every_message_that_was_due_comes_back) {
  for (const uint64_t bytes : {0u, 1u, 8u, 125u, 126u, 65536u, 300'000u}) {
    WebSocketScene scene;
    scene.options.rate = "100";
    scene.options.message_bytes = bytes;
    const auto record = scene.run();
    ASSERT_TRUE(record) << to_string(record.error());
    EXPECT_EQ(record->replies, 30u);
    EXPECT_EQ(record->failures, 0u);
    EXPECT_EQ(record->connections_in_all, 8u);
    EXPECT_EQ(record->connect_time.count, 8u);
    EXPECT_EQ(record->kind, "websocket");
    EXPECT_EQ(scene.backend->connections(), 8u + 1);
  }
}

TEST(WebSocketRun, a_closed_loop_sends_when_the_last_message_is_back) {
  WebSocketScene scene;
  const auto record = scene.run();
  ASSERT_TRUE(record);
  EXPECT_GT(record->replies, 8u);
  EXPECT_EQ(record->failures, 0u);
}

TEST(WebSocketRun, connections_may_only_be_held) {
  WebSocketScene scene;
  scene.options.holds_only = true;
  scene.options.connections = 40;
  const auto record = scene.run();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->loop, "hold");
  EXPECT_EQ(record->meant, 0u);
  EXPECT_EQ(record->connections_in_all, 40u);
  EXPECT_EQ(record->connections_dropped, 0u);
}

TEST(WebSocketRun, a_server_that_does_not_upgrade_is_named) {
  BackendOptions echo;
  echo.protocol = BackendOptions::Protocol::tcp_echo;
  WebSocketScene scene(echo);
  scene.options.rate = "10";
  const auto record = scene.run();
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().detail.find("no connection could be opened"), std::string::npos);
  scene.options.message_bytes = message_bytes_max + 1;
  EXPECT_FALSE(make_websocket_plan(scene.options));
}

}  // namespace
}  // namespace causeway::load
