#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "router/observe/access_log.h"
#include "router/route/route_book.h"
#include "router/settings/settings.h"
#include "router/worker/worker.h"
#include "test/support/raw_client.h"

namespace causeway::test {

// Settings as a production deployment has them: kept backend connections, three attempts.
router::Settings usual_settings();

// The router's data path in this process, on a free port, with routes told by the test. No NATS, no
// admin.
class RouterUnderTest {
 public:
  struct Options {
    router::Settings settings = usual_settings();
    uint32_t workers = 1;
    std::string access_log_path;  // "" = none
    bool keep_emptied_routes = false;
  };
  RouterUnderTest();
  explicit RouterUnderTest(Options options);
  RouterUnderTest(const RouterUnderTest&) = delete;
  RouterUnderTest& operator=(const RouterUnderTest&) = delete;
  ~RouterUnderTest();

  using Describe = std::function<void(router::EndpointSpec&)>;
  // 127.0.0.1:port for that route; every worker knows it on return.
  void add(const std::string& uri, uint16_t port, const Describe& describe = {});
  void remove(const std::string& uri, uint16_t port);

  uint16_t port() const { return port_; }
  RawSocket connect() const { return RawSocket::connect(port_); }
  // One request on a connection of its own.
  RawMessage get(const std::string& host, const std::string& path = "/",
                 const std::string& lines = {}) const;

  router::Worker& worker(size_t index = 0) { return *workers_[index]; }
  // Sums over all workers.
  router::Worker::Counts counts() const;
  // Value of one metric line, as `name` or `name{label="x"}`; 0 when absent.
  double metric(const std::string& line) const;
  // Counters may be a moment behind the reply: waits a while until it is that.
  double metric(const std::string& line, double awaited) const;
  metrics::Registry& registry() { return registry_; }
  router::AccessLog* access_log() { return access_log_.get(); }
  // Ends all workers.
  void stop();

 private:
  void publish();

  SystemClock clock_;
  log::Sink sink_;
  log::Logger logger_;
  metrics::Registry registry_;
  router::RouteBook book_;
  std::unique_ptr<router::AccessLog> access_log_;
  std::vector<std::unique_ptr<router::Worker>> workers_;
  uint16_t port_ = 0;
};

}  // namespace causeway::test
