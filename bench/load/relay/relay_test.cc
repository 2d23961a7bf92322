#include "bench/load/relay/relay.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "bench/load/backend/backend.h"
#include "bench/load/http/http_run.h"
#include "net/loopback_test.h"

namespace causeway::load {
namespace {

struct RunningRelay {
  explicit RunningRelay(const net::Address& to)
      : relay(Relay::open(net::Address::loopback(0), to).value()),
        thread([this] { relay->run(); }) {}
  ~RunningRelay() {
    relay->stop();
    thread.join();
  }
  std::unique_ptr<Relay> relay;
  std::thread thread;
};

TEST(Relay, passes_bytes_both_ways_and_both_ends) {
  BackendOptions options;
  options.protocol = BackendOptions::Protocol::tcp_echo;
  const auto backend = Backend::start(options).value();
  RunningRelay running(backend->address());
  net::loopback::RawPeer peer(running.relay->address());
  const std::string bytes(5'000'000, 'r');
  std::thread writer([&] {
    peer.send(bytes);
    peer.shutdown();
  });
  size_t received = 0;
  for (std::string got = peer.receive(); !got.empty(); got = peer.receive()) received += got.size();
  writer.join();
  EXPECT_EQ(received, bytes.size());
}

TEST(Relay, a_backend_that_refuses_ends_the_client) {
  const net::loopback::RefusingPort port;
  RunningRelay running(port.address);
  net::loopback::RawPeer peer(running.relay->address());
  EXPECT_EQ(peer.receive(), "");
}

TEST(Relay, carries_a_run) {
  const auto backend = Backend::start({}).value();
  RunningRelay running(backend->address());
  HttpOptions options;
  options.urls = {"http://app.test/bytes/{1..100}"};
  options.connect = running.relay->address().to_string();
  options.rate = "300";
  options.duration = Milliseconds(200);
  options.timeout = std::chrono::seconds(30);
  options.connections = 4;
  const auto plan = make_http_plan(options);
  ASSERT_TRUE(plan);
  const auto record = run_http(*plan, {});
  ASSERT_TRUE(record);
  EXPECT_EQ(record->replies, 60u);
}

}  // namespace
}  // namespace causeway::load
