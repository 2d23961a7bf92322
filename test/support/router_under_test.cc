#include "test/support/router_under_test.h"

#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "router/route/route_table.h"

namespace causeway::test {

router::Settings usual_settings() {
  router::Settings settings;
  settings.disable_keep_alives = false;
  settings.max_idle_conns_per_host = 100;
  settings.max_attempts = 3;
  settings.router_ip = "127.0.0.9";
  return settings;
}

RouterUnderTest::RouterUnderTest() : RouterUnderTest(Options{}) {}

RouterUnderTest::RouterUnderTest(Options options)
    : sink_({.shape = log::Shape::gorouter, .path = "/dev/null"}),
      logger_(sink_, "router-test"),
      book_({.keep_emptied_routes = options.keep_emptied_routes,
             .emptied_route_lifetime = std::chrono::hours(1)},
            clock_) {
  if (!options.access_log_path.empty()) {
    auto log = router::AccessLog::open({.path = options.access_log_path});
    CHECK(log);
    access_log_ = *std::move(log);
  }
  const auto settings = std::make_shared<const router::Settings>(options.settings);
  for (uint32_t index = 0; index < options.workers; ++index) {
    workers_.push_back(
        std::make_unique<router::Worker>(router::Worker::Wiring{.settings = settings,
                                                                .logger = logger_,
                                                                .metrics = registry_,
                                                                .access_log = access_log_.get(),
                                                                .index = index,
                                                                .seed = index + 1}));
    workers_.back()->start();
    const auto bound = workers_.back()->listen(net::Address::loopback(port_));
    CHECK(bound);
    port_ = bound->port();
    workers_.back()->set_healthy(true);
  }
}

RouterUnderTest::~RouterUnderTest() { stop(); }

void RouterUnderTest::stop() {
  for (auto& worker : workers_) worker->stop();
}

void RouterUnderTest::publish() {
  const auto table = book_.publish();
  for (auto& worker : workers_) {
    worker->post(table);
    CHECK(worker->counts().table_version == table->version());
  }
}

void RouterUnderTest::add(const std::string& uri, uint16_t port, const Describe& describe) {
  router::RouteChange change;
  change.uris = {uri};
  change.endpoint.host = "127.0.0.1";
  change.endpoint.port = port;
  if (describe) describe(change.endpoint);
  book_.apply(change);
  publish();
}

void RouterUnderTest::remove(const std::string& uri, uint16_t port) {
  router::RouteChange change;
  change.kind = router::RouteChange::Kind::remove;
  change.uris = {uri};
  change.endpoint.host = "127.0.0.1";
  change.endpoint.port = port;
  book_.apply(change);
  publish();
}

RawMessage RouterUnderTest::get(const std::string& host, const std::string& path,
                                const std::string& lines) const {
  RawSocket socket = connect();
  socket.send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n");
  return read_reply(socket);
}

router::Worker::Counts RouterUnderTest::counts() const {
  router::Worker::Counts sum;
  for (const auto& worker : workers_) {
    const auto one = worker->counts();
    sum.client_connections += one.client_connections;
    sum.exchanges += one.exchanges;
    sum.tunnels += one.tunnels;
    sum.backend_connections += one.backend_connections;
    sum.backend_idle += one.backend_idle;
  }
  return sum;
}

double RouterUnderTest::metric(const std::string& line) const {
  const std::string text = "\n" + registry_.prometheus_text();
  const size_t found = text.find("\n" + line + " ");
  return found == std::string::npos ? 0
                                    : std::strtod(text.c_str() + found + line.size() + 2, nullptr);
}

double RouterUnderTest::metric(const std::string& line, double awaited) const {
  eventually([&] { return metric(line) == awaited; });
  return metric(line);
}

}  // namespace causeway::test
