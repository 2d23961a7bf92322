#pragma once

#include <charconv>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "cf/wire/tcp_route_message.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "router/tcp/socket.h"
#include "router/tcp/tcp_router.h"
#include "test/support/own_ports.h"
#include "test/support/raw_client.h"

namespace causeway::router {

using causeway::test::free_port;

// TCP routes without NATS: worker threads as a router has them, and the test's thread in the place
// of the control thread. Ends everything in the router's order.
class TcpUnderTest {
 public:
  explicit TcpUnderTest(TcpSettings settings = {}, size_t workers = 2, bool serves = true) {
    settings.is_enabled = true;
    if (settings.reservable_ports.empty()) settings.reservable_ports = {{1, 65535}};
    TcpRouter::Options options;
    options.book.settings = settings;
    std::vector<net::Loop*> loops;
    for (size_t i = 0; i < workers; ++i) {
      threads_.push_back(std::make_unique<WorkerThread>());
      loops.push_back(&threads_.back()->loop);
    }
    router = std::make_unique<TcpRouter>(loop, clock, logger, registry, options, loops);
    for (auto& worker : threads_) worker->start();
    if (serves) router->serve([] { return true; });
  }
  TcpUnderTest(const TcpUnderTest&) = delete;
  TcpUnderTest& operator=(const TcpUnderTest&) = delete;
  ~TcpUnderTest() { stop(); }

  void stop() {
    for (auto& worker : threads_) worker->stop();
    router.reset();
  }

  static cf::TcpRouteMessage route(uint16_t external_port, uint16_t port) {
    cf::TcpRouteMessage message;
    message.external_port = external_port;
    message.host = "127.0.0.1";
    message.port = port;
    message.private_instance_id = "instance-" + std::to_string(port);
    return message;
  }
  void add(uint16_t external_port, uint16_t port) {
    router->take("router.tcp.register", cf::to_json(route(external_port, port)));
    router->publish();
  }
  void remove(uint16_t external_port, uint16_t port) {
    router->take("router.tcp.unregister", cf::to_json(route(external_port, port)));
    router->publish();
  }
  // The sum over all ports and workers.
  uint64_t count(const std::string& name) const {
    uint64_t sum = 0;
    const std::string text = registry.prometheus_text();
    for (size_t at = text.find("\n" + name); at != std::string::npos;
         at = text.find("\n" + name, at + 1)) {
      const char after = text[at + 1 + name.size()];
      if (after != '{' && after != ' ') continue;
      const size_t space = text.find(' ', text.find_first_of("} ", at + 1 + name.size()));
      uint64_t value = 0;
      std::from_chars(text.data() + space + 1, text.data() + text.size(), value);
      sum += value;
    }
    return sum;
  }
  [[nodiscard]] bool sees(const std::string& name, uint64_t value) {
    return test::eventually([&] { return count(name) == value; });
  }
  // The port is closed: connecting is refused.
  [[nodiscard]] static bool refuses(uint16_t port) {
    return test::eventually([&] { return check_is_free(net::Address::any(port)).has_value(); });
  }

  log::Sink sink{{.level = log::Level::error, .path = "/dev/null"}};
  log::Logger logger{sink, "test"};
  metrics::Registry registry;
  SystemClock clock;
  net::Loop loop;
  std::unique_ptr<TcpRouter> router;

 private:
  struct WorkerThread {
    WorkerThread() : stopper(loop, 4, [this](int&&) { loop.stop(); }) {}
    void start() {
      thread = std::thread([this] { loop.run(); });
    }
    void stop() {
      if (!thread.joinable()) return;
      EXPECT_TRUE(stopper.post(0));
      thread.join();
    }
    net::Loop loop;
    net::Mailbox<int> stopper;
    std::thread thread;
  };
  std::vector<std::unique_ptr<WorkerThread>> threads_;
};

}  // namespace causeway::router
