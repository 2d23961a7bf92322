// The router's binary from its start to its end.

#include <sys/resource.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/system/router/router_binary.h"

namespace causeway::test {
namespace {

using std::chrono::seconds;

// Runs the router with that configuration until it ends.
struct Ended {
  std::optional<int> exit_code;
  std::string output;
};
Ended run_with(const std::string& yaml) {
  const TempFolder folder;
  std::ofstream(folder.path() + "/bad.yml") << yaml;
  Process process({own_binary("router"), "-c", folder.path() + "/bad.yml"}, folder.path() + "/log");
  const std::optional<int> exit_code = process.wait_for_exit();
  return {exit_code, process.output()};
}

size_t lines_of(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(RouterStartTest, a_malformed_file_ends_with_one_line_that_names_the_place) {
  for (const char* yaml : {"port: [1", "port: x\n", "status:\n\tport: 1", "- list"}) {
    const Ended ended = run_with(yaml);
    EXPECT_EQ(ended.exit_code, 1) << yaml;
    EXPECT_EQ(lines_of(ended.output), 1u) << ended.output;
    EXPECT_EQ(ended.output.find(R"({"log_level":3,)"), 0u) << ended.output;
    EXPECT_NE(ended.output.find("Error loading config: "), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find("bad.yml:"), std::string::npos) << ended.output;
  }
}

TEST(RouterStartTest, a_missing_file_ends_with_one_line) {
  const TempFolder folder;
  Process process({own_binary("router"), "-c", folder.path() + "/none.yml"},
                  folder.path() + "/log");
  EXPECT_EQ(process.wait_for_exit(), 1);
  EXPECT_EQ(lines_of(process.output()), 1u) << process.output();
}

TEST(RouterStartTest, tells_its_version_and_its_options) {
  const TempFolder folder;
  for (const char* option : {"--version", "--help"}) {
    Process process({own_binary("router"), option}, folder.path() + option);
    EXPECT_EQ(process.wait_for_exit(), 0);
    EXPECT_NE(process.output().find("router"), std::string::npos);
  }
  Process wrong({own_binary("router"), "--nonsense"}, folder.path() + "/log");
  EXPECT_EQ(wrong.wait_for_exit(), 1);
}

// How many threads of the process have that niceness.
size_t threads_with_niceness(pid_t pid, int niceness) {
  size_t found = 0;
  for (const auto& task :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    const std::string name = task.path().filename().string();
    id_t thread = 0;
    std::from_chars(name.data(), name.data() + name.size(), thread);
    found += ::getpriority(PRIO_PROCESS, thread) == niceness ? 1 : 0;
  }
  return found;
}

TEST(RouterThreadsTest, workers_go_first_unless_that_is_not_wanted) {
  const NatsServer nats;
  const int own = ::getpriority(PRIO_PROCESS, 0);
  const int wanted = std::min(own + 7, 19);
  RouterBinary polite(nats.port(), "workers: 2\nbackground_niceness: " + std::to_string(wanted));
  ASSERT_TRUE(polite.wait_until_serving()) << polite.process().output();
  EXPECT_EQ(threads_with_niceness(polite.process().pid(), own), 2u) << wanted;
  EXPECT_GE(threads_with_niceness(polite.process().pid(), wanted), 3u);  // control, log, NATS
  RouterBinary equal(nats.port(), "workers: 2\nbackground_niceness: 0");
  ASSERT_TRUE(equal.wait_until_serving()) << equal.process().output();
  EXPECT_GE(threads_with_niceness(equal.process().pid(), own), 5u);
}

TEST(RouterStartTest, without_nats_it_gives_up) {
  RouterBinary router(free_port());
  EXPECT_EQ(router.process().wait_for_exit(), 1);
  EXPECT_NE(router.process().output().find("nats-connection-error"), std::string::npos);
}

TEST(RouterStartTest, a_taken_port_is_named) {
  NatsServer nats;
  RouterBinary first(nats.port());
  ASSERT_TRUE(first.wait_until_serving());
  for (const uint16_t taken : {first.port(), first.status_port(), first.routes_port()}) {
    const auto port = [&](uint16_t same) {
      return std::to_string(taken == same ? taken : free_port());
    };
    const Ended ended =
        run_with("nats: {hosts: [{hostname: 127.0.0.1, port: " + std::to_string(nats.port()) +
                 "}]}\nport: " + port(first.port()) + "\nstart_response_delay_interval: 10ms\n" +
                 "status: {host: 127.0.0.1, port: " + port(first.status_port()) +
                 ", routes: {port: " + port(first.routes_port()) + "}}\n");
    EXPECT_EQ(ended.exit_code, 1);
    EXPECT_NE(ended.output.find("error-listening"), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find(std::to_string(taken)), std::string::npos) << ended.output;
  }
}

TEST(RouterStartTest, what_is_not_served_and_not_known_is_told_once) {
  NatsServer nats;
  RouterBinary router(nats.port(), "debug_addr: ':1'\nclientauthcertificate: {x: 1}\nfoo: 1");
  ASSERT_TRUE(router.wait_until_serving());
  EXPECT_EQ(router.process().count_in_output("config-key-not-served", 1), 1u);
  EXPECT_EQ(router.process().count_in_output("config-keys-unknown", 1), 1u);
  EXPECT_NE(router.process().output().find(R"("keys":"clientauthcertificate, foo")"),
            std::string::npos);
}

class RouterEndTest : public testing::Test {
 protected:
  RouterBinary& start(const std::string& more = {}) {
    router_ = std::make_unique<RouterBinary>(nats_.port(), more);
    EXPECT_TRUE(router_->wait_until_serving()) << router_->process().output();
    return *router_;
  }
  void register_route(const std::string& uri, uint16_t port) {
    NatsPeer peer(nats_.port());
    settle(*router_, peer);
    peer.publish("router.register", registration(uri, port));
    peer.flush();
    ASSERT_TRUE(eventually([&] { return router_->metric("total_routes") >= 1; }));
    ASSERT_TRUE(eventually([&] { return router_->status_of(uri, "/warm-up") != 404; }));
  }

  NatsServer nats_;
  std::unique_ptr<RouterBinary> router_;
};

TEST_F(RouterEndTest, is_unhealthy_while_it_learns_routes) {
  router_ = std::make_unique<RouterBinary>(nats_.port(), "start_response_delay_interval: 600s");
  ASSERT_TRUE(router_->process().wait_for_output("Successfully-connected-to-nats"));
  const RawMessage health = router_->get(router_->status_port(), "h", "/health");
  EXPECT_EQ(health.status(), 503);
  EXPECT_EQ(health.body, "");
  EXPECT_EQ(
      router_->get(router_->status_port(), "h", "/is-process-alive-do-not-use-for-loadbalancing")
          .body,
      "ok\n");
  EXPECT_EQ(router_->get(router_->status_port(), "h", "/other").status(), 404);
  EXPECT_FALSE(accepts(router_->port()));
  router_->process().signal(SIGTERM);
  EXPECT_EQ(router_->process().wait_for_exit(), 0);
}

TEST_F(RouterEndTest, a_stop_signal_ends_it_at_once) {
  for (const int signal : {SIGTERM, SIGINT}) {
    RouterBinary& router = start();
    const RawMessage health = router.get(router.status_port(), "h", "/health");
    EXPECT_EQ(health.status(), 200);
    EXPECT_EQ(health.body, "ok\n");
    EXPECT_EQ(health.header("Cache-Control"), "private, max-age=0");
    EXPECT_EQ(health.header("Expires"), "0");
    RawSocket idle = RawSocket::connect(router.port());
    router.process().signal(signal);
    EXPECT_EQ(router.process().wait_for_exit(), 0);
    EXPECT_NE(router.process().output().find("gorouter.stopped"), std::string::npos);
    EXPECT_EQ(idle.receive(), "");
  }
}

TEST_F(RouterEndTest, a_drain_fails_no_request) {
  RouterBinary& router = start("drain_wait: 2s\ndrain_timeout: 60s");
  std::promise<void> asked;
  std::promise<void> may_answer;
  std::shared_future<void> answer_now = may_answer.get_future().share();
  FakeBackend backend([&](RawSocket& peer, size_t) {
    while (true) {
      const RawMessage request = read_request(peer);
      if (!request.is_whole) return;
      if (request.start_line().find("/slow") != std::string::npos) {
        asked.set_value();
        answer_now.wait();
      }
      peer.send(ok_reply("done"));
    }
  });
  register_route("app.d", backend.port());

  RawSocket slow = RawSocket::connect(router.port());
  slow.send("GET /slow HTTP/1.1\r\nHost: app.d\r\n\r\n");
  asked.get_future().wait();
  RawSocket kept = RawSocket::connect(router.port());
  const std::string request = "GET / HTTP/1.1\r\nHost: app.d\r\n\r\n";
  kept.send(request);
  EXPECT_EQ(read_reply(kept).status(), 200);

  router.process().signal(SIGUSR1);
  ASSERT_TRUE(router.process().wait_for_output("gorouter-draining"));
  ASSERT_TRUE(eventually([&] { return router.health() == 503; }));
  // The port still serves, old connections and new ones, until the wait is over; then it is closed,
  // and nobody is cut off.
  int served = 0;
  while (router.process().count_in_output("Draining with") == 0) {
    const int status = router.status_of("app.d");
    if (status == 200) ++served;
    EXPECT_TRUE(status == 200 || router.process().count_in_output("Draining with", 1) == 1)
        << status;
  }
  EXPECT_GT(served, 0);
  router.process().signal(SIGUSR1);
  EXPECT_TRUE(router.process().wait_for_output("gorouter.signal.ignored"));
  EXPECT_TRUE(eventually([&] { return !accepts(router.port()); }));
  EXPECT_EQ(kept.receive(), "");  // idle: closed
  EXPECT_TRUE(router.process().is_running());

  may_answer.set_value();
  const RawMessage last = read_reply(slow);
  EXPECT_EQ(last.status(), 200);
  EXPECT_EQ(last.body, "done");
  EXPECT_EQ(router.process().wait_for_exit(), 0);
  EXPECT_NE(router.process().output().find("gorouter.stopped"), std::string::npos);
  EXPECT_EQ(router.process().output().find("router.drain.timed-out"), std::string::npos);
}

TEST_F(RouterEndTest, a_drain_does_not_wait_for_ever) {
  RouterBinary& router = start("drain_timeout: 300ms");
  std::promise<void> is_over;
  std::shared_future<void> over = is_over.get_future().share();
  FakeBackend backend([over](RawSocket& peer, size_t) {
    const RawMessage request = read_request(peer);
    if (request.start_line().find("/warm-up") != std::string::npos) {
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      return;
    }
    over.wait();
  });
  register_route("app.d", backend.port());
  RawSocket stuck = RawSocket::connect(router.port());
  stuck.send("GET / HTTP/1.1\r\nHost: app.d\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return backend.connections() >= 2; }));
  router.process().signal(SIGUSR1);
  EXPECT_EQ(router.process().wait_for_exit(), 0);
  for (const char* line :
       {"\"starting\"", "\"gorouter.started\"", "\"gorouter-draining\"", "\"wait_seconds\":0",
        "\"timeout_seconds\":0.3", "\"Draining with 1 outstanding active connections\"",
        "\"router.drain.timed-out\"", "\"gorouter-draining-error\"", "\"gorouter.stopping\"",
        "\"gorouter.stopped\"", "\"took\":"}) {
    EXPECT_EQ(router.process().count_in_output(line, 1), 1u) << line;
  }
  is_over.set_value();
}

TEST_F(RouterEndTest, says_at_start_which_segments_it_serves) {
  RouterBinary& router =
      start("routing_table_sharding_mode: shared-and-segments\nisolation_segments: [one, two]");
  EXPECT_NE(router.process().output().find(
                R"("message":"retrieved-isolation-segments","source":"gorouter.stdout",)"
                R"("data":{"isolation_segments":["one","two"],)"
                R"("routing_table_sharding_mode":"shared-and-segments"})"),
            std::string::npos)
      << router.process().output();
  NatsPeer peer(nats_.port());
  ASSERT_TRUE(eventually([&] {  // until the router hears what is said
    peer.publish("router.register", registration("first.d", 1, R"(,"isolation_segment":"two")"));
    peer.flush();
    return router.status_of("first.d") != 404;
  }));
  for (const char* segment : {"", "one", "three"}) {
    peer.publish("router.register",
                 registration(std::string("app-") + segment + ".d", 1,
                              std::string(",\"isolation_segment\":\"") + segment + "\""));
  }
  peer.publish("router.register", registration("last.d", 1));
  ASSERT_TRUE(eventually([&] { return router.status_of("last.d") != 404; }));
  EXPECT_NE(router.status_of("app-.d"), 404);
  EXPECT_NE(router.status_of("app-one.d"), 404);
  EXPECT_EQ(router.status_of("app-three.d"), 404);
  EXPECT_EQ(router.metric("total_routes", 4), 4);
}

TEST_F(RouterEndTest, a_rotated_access_log_is_opened_anew) {
  const TempFolder folder;
  const std::string log = folder.path() + "/access.log";
  RouterBinary& router = start("access_log: {file: " + log + "}");
  const auto text_of = [](const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(router.status_of("before.d"), 404);
  ASSERT_TRUE(eventually([&] { return text_of(log).find("before.d") != std::string::npos; }));
  ASSERT_EQ(std::rename(log.c_str(), (log + ".1").c_str()), 0);
  router.process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(router.status_of("after.d"), 404);
    return text_of(log).find("after.d") != std::string::npos;
  }));
}

}  // namespace
}  // namespace causeway::test
