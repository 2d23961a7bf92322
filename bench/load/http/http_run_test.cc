#include "bench/load/http/http_run.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "bench/load/backend/backend.h"
#include "net/loopback_test.h"
#include "tls/key_pair.h"

namespace causeway::load {
namespace {

// Runs are short, and what is expected of them does not depend on how fast they were.
struct RunScene {
  RunScene() : backend(Backend::start({}).value()) {
    options.connections = 8;
    options.threads = 2;
    options.duration = Milliseconds(300);
    options.timeout = std::chrono::seconds(30);
  }
  RunRecord run(const std::string& path, const RunExtras& extras = {}) {
    options.urls = {"http://" + backend->address().to_string() + path};
    const auto plan = make_http_plan(options);
    EXPECT_TRUE(plan);
    auto record = run_http(*plan, extras);
    EXPECT_TRUE(record) << to_string(record.error());
    return std::move(record).value();
  }
  std::unique_ptr<Backend> backend;
  HttpOptions options;
};

TEST(HttpRun, an_open_loop_sends_exactly_what_was_meant) {
  RunScene scene;
  scene.options.rate = "200,600";
  scene.options.warm_up = Milliseconds(100);
  const RunRecord record = scene.run("/bytes/{1..20}", {.watched = {{::getpid(), "me"}}});
  EXPECT_EQ(record.meant, 120u);
  EXPECT_EQ(record.replies, 120u);
  EXPECT_EQ(record.failures, 0u);
  EXPECT_EQ(record.targets, 20u);
  EXPECT_EQ(record.statuses, (std::map<std::string, uint64_t>{{"200", 120}}));
  EXPECT_EQ(record.latency.count, 120u);
  EXPECT_GE(record.latency.at(0.5), record.service.at(0.5));
  EXPECT_GE(record.latency.max, record.latency.at(0.99));
  EXPECT_NEAR(record.meant_rate, 400, 1e-6);
  EXPECT_EQ(scene.backend->requests(), 140u);  // with the warm-up's
  EXPECT_EQ(record.intervals.size(), 3u);
  EXPECT_EQ(record.thread_busy.size(), 2u);
  EXPECT_EQ(record.partial, "");
  ASSERT_EQ(record.watched.size(), 1u);
  EXPECT_EQ(record.watched[0].name, "me");
  EXPECT_GT(record.watched[0].cpu_seconds, 0);
  EXPECT_EQ(parse_watched("a=b=7").value().name, "a=b");
  EXPECT_FALSE(parse_watched("x"));
  EXPECT_FALSE(parse_watched("x=-1"));
}

TEST(HttpRun, a_stall_shows_in_the_latency_of_all_that_were_due_meanwhile) {
  RunScene scene;
  scene.options.connections = scene.options.threads = 1;
  scene.options.rate = "100";
  const RunRecord record = scene.run("/delay/50ms");
  // One connection answers 20 of the 100 a second: the last of the 30 has waited for 29 others.
  EXPECT_EQ(record.replies, 30u);
  EXPECT_GE(record.latency.max, 29 * 50e6 - 300e6);
  EXPECT_GE(record.service.min, 49e6);  // a timer of the backend's rounds down to a millisecond
}

TEST(HttpRun, timeouts_count_from_the_due_time_sent_or_not) {
  RunScene scene;
  scene.options.connections = 2;
  scene.options.rate = "100";
  scene.options.timeout = Milliseconds(100);
  const RunRecord record = scene.run("/hang");
  EXPECT_EQ(record.meant, 30u);
  EXPECT_EQ(record.replies, 0u);
  EXPECT_EQ(record.failures, 30u);
  uint64_t late = 0;
  for (const auto& [kind, count] : record.errors) {
    EXPECT_TRUE(kind == "timeout" || kind == "unsent") << kind;
    late += count;
  }
  EXPECT_EQ(late, 30u);
  EXPECT_GE(record.latency.min, 100e6);
}

TEST(HttpRun, a_closed_loop_answers_as_fast_as_it_can) {
  RunScene scene;
  scene.options.body = "hello";
  const RunRecord record = scene.run("/echo");
  EXPECT_EQ(record.method, "POST");
  EXPECT_GT(record.replies, 0u);
  EXPECT_EQ(record.failures, 0u);
  EXPECT_EQ(record.meant, record.replies);
  EXPECT_EQ(scene.backend->connections(), 8u + 1);  // one tried first whether anybody listens
}

TEST(HttpRun, a_connection_per_request) {
  RunScene scene;
  scene.options.rate = "100";
  scene.options.close_each = true;
  scene.options.spacing = Spacing::poisson;
  const RunRecord record = scene.run("/chunked/20");
  EXPECT_EQ(record.replies, record.meant);
  EXPECT_EQ(scene.backend->connections(), record.meant + 1);  // and the one that tried first
}

TEST(HttpRun, failures_are_told_apart) {
  RunScene scene;
  scene.options.rate = "50";
  EXPECT_EQ(scene.run("/cut/5").errors, (std::map<std::string, uint64_t>{{"closed", 15}}));
  EXPECT_EQ(scene.run("/reset/5").errors, (std::map<std::string, uint64_t>{{"reset", 15}}));
  EXPECT_EQ(scene.run("/status/503").statuses, (std::map<std::string, uint64_t>{{"503", 15}}));
  // Ends after each reply in spite of its promise: the generator connects anew.
  EXPECT_EQ(scene.run("/half").meant, 15u);
}

TEST(HttpRun, speaks_tls_with_new_sessions_and_resumed_ones) {
  const tls::KeyPair pair = tls::make_self_signed({"127.0.0.1"});
  BackendOptions over_tls;
  over_tls.tls = tls::ServerContext::make({.key_pair = pair}).value();
  const auto backend = Backend::start(over_tls).value();
  HttpOptions options;
  options.urls = {"https://" + backend->address().to_string() + "/bytes/100k"};
  options.rate = "100";
  options.duration = Milliseconds(300);
  options.timeout = std::chrono::seconds(30);
  options.connections = 2;
  options.close_each = true;
  options.tls.ca_pem = pair.certificate_pem;
  for (const bool resumes : {false, true}) {
    options.tls.resumes = resumes;
    const auto record = run_http(make_http_plan(options).value(), {});
    ASSERT_TRUE(record) << to_string(record.error());
    EXPECT_EQ(record->replies, 30u);
    EXPECT_EQ(record->failures, 0u);
    EXPECT_EQ(record->tls_version, "TLSv1.3");
    EXPECT_EQ(record->handshakes_full + record->handshakes_resumed, 30u);
    EXPECT_EQ(record->handshakes_resumed > 0, resumes);
    EXPECT_EQ(record_from_json(to_json(*record))->handshakes_full, record->handshakes_full);
  }
  options.tls.ca_pem = tls::make_self_signed({"127.0.0.1"}).certificate_pem;
  const auto stranger = run_http(make_http_plan(options).value(), {});
  ASSERT_TRUE(stranger);
  EXPECT_EQ(stranger->replies, 0u);
  EXPECT_EQ(stranger->errors.begin()->first, "protocol");
  EXPECT_NE(stranger->error_examples.begin()->second.find("CERTIFICATE_VERIFY_FAILED"),
            std::string::npos);
  options.urls.push_back("http://127.0.0.1/");
  EXPECT_FALSE(make_http_plan(options));
}

struct Http2Scene : RunScene {
  Http2Scene() {
    options.is_http2 = true;
    options.connections = 2;
    options.streams = 10;
    options.rate = "100";
  }
};

TEST(Http2Run, many_streams_share_a_connection) {
  Http2Scene scene;
  for (const char* path : {"/", "/bytes/300k", "/chunked/20", "/trailers/5", "/delay/20ms",
                           "/drip/100/60ms", "/status/204"}) {
    const RunRecord record = scene.run(path);
    EXPECT_EQ(record.replies, 30u) << path;
    EXPECT_EQ(record.failures, 0u) << path;
    EXPECT_EQ(record.connections_in_all, 2u);
    EXPECT_EQ(record.protocol, "HTTP/2");
    EXPECT_EQ(record.streams, 10u);
  }
  scene.options.body = std::string(200'000, 'q');
  // Bytes count while it is measured: most are due at its beginning.
  scene.options.rate = "60,2,2,2";
  scene.options.duration = std::chrono::seconds(2);
  const RunRecord echoed = scene.run("/echo");
  EXPECT_EQ(echoed.replies, 33u);
  EXPECT_EQ(echoed.failures, 0u);
  EXPECT_GT(echoed.bytes_in, 5u * 200'000);
}

TEST(Http2Run, a_stall_of_some_streams_is_no_stall_of_others) {
  Http2Scene scene;
  scene.options.rate.clear();
  scene.options.streams = 4;
  const RunRecord record = scene.run("/delay/50ms");
  EXPECT_GE(record.service.min, 49e6);
  EXPECT_GE(record.replies, 8u);
}

TEST(Http2Run, failures_are_told_apart) {
  Http2Scene scene;
  scene.options.rate = "50";
  scene.options.streams = 1;
  EXPECT_EQ(scene.run("/reset/5").errors, (std::map<std::string, uint64_t>{{"reset", 15}}));
  EXPECT_EQ(scene.run("/cut/5").errors, (std::map<std::string, uint64_t>{{"closed", 15}}));
  EXPECT_EQ(scene.run("/half").meant, 15u);
  scene.options.timeout = Milliseconds(100);
  const RunRecord hung = scene.run("/hang");
  EXPECT_EQ(hung.replies, 0u);
  EXPECT_EQ(hung.meant, 15u);
}

TEST(Http2Run, over_tls_by_alpn) {
  const tls::KeyPair pair = tls::make_self_signed({"127.0.0.1"});
  for (const bool speaks : {true, false}) {
    BackendOptions over_tls;
    over_tls.tls =
        tls::ServerContext::make({.key_pair = pair, .alpn = {speaks ? "h2" : "http/1.1"}}).value();
    const auto backend = Backend::start(over_tls).value();
    HttpOptions options;
    options.urls = {"https://" + backend->address().to_string() + "/bytes/100k"};
    options.rate = "100";
    options.duration = Milliseconds(300);
    options.timeout = std::chrono::seconds(30);
    options.connections = 2;
    options.is_http2 = true;
    options.streams = 4;
    options.tls.ca_pem = pair.certificate_pem;
    const auto record = run_http(make_http_plan(options).value(), {});
    ASSERT_EQ(record.has_value(), speaks);
    if (speaks) {
      EXPECT_EQ(record->replies, 30u);
      EXPECT_EQ(record->handshakes_full, 2u);
    } else {
      EXPECT_NE(record.error().detail.find("does not agree on h2"), std::string::npos);
    }
  }
}

TEST(Http2Run, a_server_of_http_1_is_named) {
  BackendOptions echo;
  echo.protocol = BackendOptions::Protocol::tcp_echo;
  const auto backend = Backend::start(echo).value();
  HttpOptions options;
  options.urls = {"http://" + backend->address().to_string() + "/"};
  options.rate = "50";
  options.duration = Milliseconds(100);
  options.connections = 1;
  options.is_http2 = true;
  const auto record = run_http(make_http_plan(options).value(), {});
  ASSERT_TRUE(record);
  EXPECT_EQ(record->replies, 0u);
  options.close_each = true;
  EXPECT_FALSE(make_http_plan(options));
}

TEST(HttpRun, an_interrupted_run_keeps_what_it_has_and_says_so) {
  RunScene scene;
  scene.options.rate = "1000";
  scene.options.duration = std::chrono::minutes(10);
  const RunRecord record =
      scene.run("/", {.is_interrupted = [&scene] { return scene.backend->requests() >= 50; }});
  EXPECT_EQ(record.partial, "interrupted");
  EXPECT_GE(record.replies, 40u);
  EXPECT_LT(record.duration, 60);
  EXPECT_EQ(record.meant, record.replies + record.failures + record.unfinished);
}

TEST(HttpRun, says_what_cannot_be_reached) {
  const net::loopback::RefusingPort port;
  HttpOptions options;
  options.rate = "10";
  options.urls = {"http://app.test/"};
  options.connect = port.address.to_string();
  const auto plan = make_http_plan(options);
  ASSERT_TRUE(plan);
  const auto record = run_http(*plan, {});
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().fault, Fault::refused);
  EXPECT_NE(record.error().detail.find(port.address.to_string()), std::string::npos);
}

TEST(HttpPlan, refuses_what_makes_no_run) {
  const auto fault_of = [](auto change) {
    HttpOptions options;
    options.urls = {"http://127.0.0.1:1/"};
    change(options);
    const auto plan = make_http_plan(options);
    return plan ? std::string("none") : plan.error().detail;
  };
  EXPECT_EQ(fault_of([](HttpOptions&) {}), "none");
  EXPECT_NE(fault_of([](HttpOptions& o) { o.connections = 0; }), "none");
  EXPECT_NE(fault_of([](HttpOptions& o) { o.threads = 100; }), "none");
  EXPECT_NE(fault_of([](HttpOptions& o) { o.urls.clear(); }), "none");
  EXPECT_NE(fault_of([](HttpOptions& o) { o.rate = "1e12"; }), "none");
  EXPECT_NE(fault_of([](HttpOptions& o) { o.method = "GE T"; }), "none");
  EXPECT_NE(fault_of([](HttpOptions& o) { o.connect = "nowhere"; }), "none");
  EXPECT_NE(fault_of([](HttpOptions& o) { o.targets_file = "/nonexistent"; }), "none");
  EXPECT_FALSE(parse_header("no colon"));
  EXPECT_FALSE(parse_header("A: b\r\nC: d"));
  EXPECT_EQ(parse_header("A:  b").value().value, "b");
}

}  // namespace
}  // namespace causeway::load
