// The access log of the real binary: every field of the line, every kind of exchange, rotation,
// syslog, and sinks that do not take what they are given.
#include <signal.h>

#include <atomic>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

std::string log_text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The line cut at its blanks, but for those within quotes and brackets.
std::vector<std::string> log_fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && is_quoted) {
      fields.back() += line.substr(i, 2);
      ++i;
      continue;
    }
    if (line[i] == '"') is_quoted = !is_quoted;
    if (line[i] == ' ' && !is_quoted) {
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  return fields;
}

// "name:value" of the fields behind the fixed ones; "none" when it is not there.
std::string log_field(const std::vector<std::string>& fields, const std::string& name) {
  for (const std::string& field : fields) {
    if (field.starts_with(name + ":")) return field.substr(name.size() + 1);
  }
  return "none";
}

bool is_log_seconds(const std::string& text) {
  return text.size() >= 8 && text[text.size() - 7] == '.' &&
         text.find_first_not_of("0123456789.") == std::string::npos;
}
bool is_local_address(const std::string& text) { return text.starts_with("\"127.0.0.1:"); }

constexpr const char* all_log_fields = R"(
extra_access_log_fields: [failed_attempts, failed_attempts_time, dns_time, dial_time, tls_time,
                          backend_time, local_address]
extra_headers_to_log: [X-Extra, X-Absent]
tracing: {enable_zipkin: true, enable_w3c: true}
backends: {max_attempts: 3}
)";

// Positions of the fields without a name.
struct At {
  enum Field {
    host,
    dash,
    time,
    request,
    status,
    received,
    sent,
    referer,
    user_agent,
    client,
    backend
  };
};

class AccessLogLine : public testing::Test {
 protected:
  AccessLogLine() : routed_(all_log_fields), hello_(FakeBackend::answers("hello")) {
    routed_.add(
        "app.example", hello_.port(),
        R"(,"app":"app-1","private_instance_id":"instance-1","private_instance_index":"7")");
  }
  std::vector<std::string> line(const std::string& mark) {
    return log_fields_of(routed_.access_line(mark));
  }
  Routed routed_;
  FakeBackend hello_;
};

TEST_F(AccessLogLine, every_field_of_an_answered_request) {
  const RawMessage reply = routed_.send(
      "POST /p%20q?x=\"1\"&m=one HTTP/1.1\r\nHost: App.Example:80\r\nReferer: http://r/\r\n"
      "User-Agent: te\"st\xC3\xA9\xFF\r\nX-Forwarded-For: 192.0.2.1\r\nX-Extra: e 1\r\n"
      "X-Forwarded-Proto: https\r\nContent-Length: 3\r\n\r\nabc");
  EXPECT_EQ(reply.status(), 200);
  const auto fields = line("m=one");
  ASSERT_EQ(fields.size(), 35u) << routed_.access_line("m=one");
  EXPECT_EQ(fields[At::host], "App.Example:80");
  EXPECT_EQ(fields[At::dash], "-");
  EXPECT_EQ(fields[At::time].size(), 32u) << fields[At::time];
  EXPECT_TRUE(fields[At::time].ends_with("Z]")) << fields[At::time];
  EXPECT_EQ(fields[At::request], R"("POST /p%20q?x=\"1\"&m=one HTTP/1.1")");
  EXPECT_EQ(fields[At::status], "200");
  EXPECT_EQ(fields[At::received], "3");
  EXPECT_EQ(fields[At::sent], "5");
  EXPECT_EQ(fields[At::referer], "\"http://r/\"");
  EXPECT_EQ(fields[At::user_agent], "\"te\\\"st\xC3\xA9\\xff\"");
  EXPECT_TRUE(is_local_address(fields[At::client])) << fields[At::client];
  EXPECT_EQ(fields[At::backend], "\"127.0.0.1:" + std::to_string(hello_.port()) + "\"");
  EXPECT_EQ(log_field(fields, "x_forwarded_for"), "\"192.0.2.1, 127.0.0.1\"");
  EXPECT_EQ(log_field(fields, "x_forwarded_proto"), "\"https\"");
  EXPECT_EQ(log_field(fields, "vcap_request_id"), "\"" + reply.header("X-Vcap-Request-Id") + "\"");
  EXPECT_TRUE(is_log_seconds(log_field(fields, "response_time")))
      << log_field(fields, "response_time");
  EXPECT_TRUE(is_log_seconds(log_field(fields, "gorouter_time")))
      << log_field(fields, "gorouter_time");
  EXPECT_EQ(log_field(fields, "app_id"), "\"app-1\"");
  EXPECT_EQ(log_field(fields, "app_index"), "\"7\"");
  EXPECT_EQ(log_field(fields, "instance_id"), "\"instance-1\"");
  EXPECT_EQ(log_field(fields, "failed_attempts"), "0");
  EXPECT_EQ(log_field(fields, "failed_attempts_time"), "\"-\"");
  EXPECT_EQ(log_field(fields, "dns_time"), "\"-\"");
  EXPECT_TRUE(is_log_seconds(log_field(fields, "dial_time"))) << log_field(fields, "dial_time");
  EXPECT_EQ(log_field(fields, "tls_time"), "\"-\"");
  EXPECT_TRUE(is_log_seconds(log_field(fields, "backend_time")))
      << log_field(fields, "backend_time");
  EXPECT_TRUE(is_local_address(log_field(fields, "local_address")))
      << log_field(fields, "local_address");
  EXPECT_EQ(log_field(fields, "x_cf_routererror"), "\"-\"");
  EXPECT_EQ(log_field(fields, "x_extra"), "\"e 1\"");
  EXPECT_EQ(log_field(fields, "x_absent"), "\"-\"");
  EXPECT_EQ(log_field(fields, "x_b3_traceid").size(), 34u);
  EXPECT_EQ(log_field(fields, "x_b3_spanid").size(), 18u);
  EXPECT_EQ(log_field(fields, "x_b3_parentspanid"), "\"-\"");
  EXPECT_EQ(log_field(fields, "b3").size(), 51u);
  EXPECT_EQ(log_field(fields, "traceparent").size(), 57u);
  EXPECT_TRUE(log_field(fields, "tracestate").starts_with("\"gorouter"))
      << log_field(fields, "tracestate");
  // The order of what has a name.
  std::string names;
  for (size_t i = At::backend + 1; i < fields.size(); ++i)
    names += fields[i].substr(0, fields[i].find(':')) + " ";
  EXPECT_EQ(
      names,
      "x_forwarded_for x_forwarded_proto vcap_request_id response_time gorouter_time app_id "
      "app_index instance_id failed_attempts failed_attempts_time dns_time dial_time tls_time "
      "backend_time local_address x_cf_routererror x_extra x_absent x_b3_traceid x_b3_spanid "
      "x_b3_parentspanid b3 traceparent tracestate ");
}

TEST_F(AccessLogLine, requests_that_reached_no_backend) {
  routed_.get("nowhere.example", "/?m=404", "X-Forwarded-For: 192.0.2.7\r\n");
  auto fields = line("m=404");
  ASSERT_EQ(fields.size(), 35u);
  EXPECT_EQ(fields[At::status], "404");
  EXPECT_EQ(fields[At::sent], "67");
  EXPECT_EQ(fields[At::backend], "\"-\"");
  EXPECT_EQ(log_field(fields, "x_forwarded_for"), "\"192.0.2.7\"");  // the client's own
  EXPECT_EQ(log_field(fields, "gorouter_time"), "\"-\"");
  EXPECT_EQ(log_field(fields, "backend_time"), "\"-\"");
  EXPECT_EQ(log_field(fields, "app_id"), "\"-\"");
  EXPECT_EQ(log_field(fields, "x_cf_routererror"), "\"unknown_route\"");

  const ClosedPort one;
  const ClosedPort two;
  routed_.add("refused.example", one.port(), R"(,"app":"app-2")");
  routed_.add("refused.example", two.port(), R"(,"app":"app-2")");
  EXPECT_EQ(routed_.get("refused.example", "/?m=502").status(), 502);
  fields = line("m=502");
  EXPECT_EQ(fields[At::status], "502");
  EXPECT_TRUE(is_local_address(fields[At::backend])) << fields[At::backend];
  EXPECT_EQ(log_field(fields, "app_id"), "\"app-2\"");
  EXPECT_EQ(log_field(fields, "failed_attempts"), "2");
  EXPECT_TRUE(is_log_seconds(log_field(fields, "failed_attempts_time")));
  EXPECT_TRUE(is_log_seconds(log_field(fields, "gorouter_time")))
      << log_field(fields, "gorouter_time");
  EXPECT_EQ(log_field(fields, "x_cf_routererror"),
            "\"endpoint_failure (dial tcp: connect: connection refused)\"");

  routed_.get("any.example", "/?m=monitor", "User-Agent: HTTP-Monitor/1.1\r\n");
  fields = line("m=monitor");
  EXPECT_EQ(fields[At::status], "200");
  EXPECT_EQ(fields[At::user_agent], "\"HTTP-Monitor/1.1\"");

  routed_.send("GET /?m=nohost HTTP/1.0\r\n\r\n");
  fields = line("m=nohost");
  EXPECT_EQ(fields[At::host], "-");
  EXPECT_EQ(fields[At::request], "\"GET /?m=nohost HTTP/1.0\"");
  EXPECT_EQ(fields[At::status], "400");
  EXPECT_EQ(log_field(fields, "x_cf_routererror"), "\"empty_host\"");
}

TEST_F(AccessLogLine, odd_targets_and_ends) {
  routed_.send("GET http://app.example/abs?m=absolute HTTP/1.1\r\nHost: app.example\r\n\r\n");
  EXPECT_EQ(line("m=absolute")[At::request], "\"GET /abs?m=absolute HTTP/1.1\"");
  routed_.get("app.example", "/a;b=c?m=semicolon");
  EXPECT_EQ(log_field(line("m=semicolon"), "x_cf_routererror"), "\"deprecated-semicolon-params\"");

  FakeBackend upgrader([](RawSocket& peer, size_t) {
    read_request(peer);
    peer.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n");
    peer.send(peer.receive_exactly(4) + "more");
  });
  routed_.add("upgrade.example", upgrader.port());
  {
    RawSocket client = routed_.connect();
    client.send(
        "GET /?m=tunnel HTTP/1.1\r\nHost: upgrade.example\r\nConnection: Upgrade\r\nUpgrade: "
        "other\r\n\r\n");
    client.receive_until("\r\n\r\n");
    client.send("ping");
    EXPECT_EQ(client.receive_exactly(8), "pingmore");
  }
  auto fields = line("m=tunnel");
  EXPECT_EQ(fields[At::status], "101");
  EXPECT_EQ(fields[At::received], "4");
  EXPECT_EQ(fields[At::sent], "8");

  FakeBackend silent(FakeBackend::holds());
  routed_.add("silent.example", silent.port());
  {
    RawSocket client = routed_.connect();
    client.send("GET /?m=gone HTTP/1.1\r\nHost: silent.example\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return silent.connections() == 1; }));
    client.reset();
  }
  fields = line("m=gone");
  EXPECT_EQ(fields[At::status], "499");
  EXPECT_EQ(log_field(fields, "x_cf_routererror"), "\"endpoint_failure (context canceled)\"");
}

TEST(AccessLog, what_is_not_to_be_told_is_not) {
  Routed routed(
      "logging: {redact_query_params: hash, disable_log_forwarded_for: true, "
      "disable_log_source_ip: true, enable_attempts_details: true}");
  FakeBackend backend(FakeBackend::answers("x"));
  routed.add("app.example", backend.port());
  routed.get("app.example", "/get?secret", "User-Agent: one\r\n");
  routed.send("POST /post?secret HTTP/1.1\r\nHost: app.example\r\nContent-Length: 0\r\n\r\n");
  const auto fields = log_fields_of(routed.access_line("/get"));
  EXPECT_EQ(fields[At::request],
            "\"GET /get?hash=e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4 HTTP/1.1\"");
  EXPECT_EQ(fields[At::client], "\"-\"");
  EXPECT_EQ(log_field(fields, "x_forwarded_for"), "\"-\"");
  EXPECT_EQ(log_field(fields, "failed_attempts"), "0");
  EXPECT_TRUE(is_log_seconds(log_field(fields, "backend_time")));
  EXPECT_NE(routed.access_line("/post").find("\"POST /post?secret HTTP/1.1\""), std::string::npos);
}

TEST(AccessLog, goes_to_a_file_that_is_rotated_and_to_syslog) {
  std::mutex mutex;
  std::string heard;
  FakeBackend syslog([&](RawSocket& peer, size_t) {
    for (std::string bytes = peer.receive(); !bytes.empty(); bytes = peer.receive()) {
      const std::lock_guard lock(mutex);
      heard += bytes;
    }
  });
  const TempFolder folder;
  const std::string path = folder.path() + "/access.log";
  Routed routed(
      "logging: {level: debug, syslog: gorouter, syslog_network: tcp, syslog_addr: '127.0.0.1:" +
      std::to_string(syslog.port()) + "'}\naccess_log: {file: " + path +
      ", enable_streaming: true}");
  const auto has = [](const std::string& file, const std::string& mark) {
    return eventually([&] { return log_text_of(file).find(mark) != std::string::npos; });
  };
  routed.get("nowhere.example", "/first");
  ASSERT_TRUE(has(path, "/first"));
  // Renamed and told so.
  std::filesystem::rename(path, path + ".1");
  routed.router().process().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path); }));
  routed.get("nowhere.example", "/second");
  ASSERT_TRUE(has(path, "/second"));
  EXPECT_EQ(log_text_of(path).find("/first"), std::string::npos);
  // Copied and truncated, told nothing.
  std::filesystem::resize_file(path, 0);
  routed.get("nowhere.example", "/third");
  ASSERT_TRUE(has(path, "/third"));
  EXPECT_EQ(log_text_of(path).substr(0, 15), "nowhere.example");
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return heard.find("/third") != std::string::npos && heard.ends_with("\n");
  }));
  const std::string file_line = log_text_of(path);
  EXPECT_NE(heard.find(" - \xEF\xBB\xBF" + file_line), std::string::npos) << heard;
  EXPECT_EQ(heard.substr(0, 6), "<14>1 ");
  EXPECT_NE(heard.find(" gorouter " + std::to_string(routed.router().process().pid()) + " - "),
            std::string::npos);
  EXPECT_EQ(routed.router().metric("access_log_lines_written{sink=\"file\"}", 3), 3);
  EXPECT_EQ(routed.router().metric("access_log_lines_dropped{sink=\"syslog\"}"), 0);
}

TEST(AccessLog, a_full_disk_and_a_stalled_syslog_server_stop_no_request) {
  std::atomic<bool> is_over{false};
  FakeBackend stalled([&](RawSocket&, size_t) { eventually([&] { return is_over.load(); }); });
  Routed routed(
      "logging: {syslog_network: tcp, syslog_addr: '127.0.0.1:" + std::to_string(stalled.port()) +
      "'}\naccess_log: {file: /dev/full, enable_streaming: true, queue_bytes: 1048576}");
  FakeBackend backend(FakeBackend::answers("x"));
  routed.add("app.example", backend.port());
  RawSocket client = routed.connect();
  const std::string request =
      "GET /" + std::string(60'000, 'x') + " HTTP/1.1\r\nHost: app.example\r\n\r\n";
  bool drops = false;
  for (int i = 0; i < 2000 && !drops; ++i) {  // more than the sockets between hold
    client.send(request);
    ASSERT_EQ(read_reply(client).status(), 200) << i;
    if (i % 20 == 19)
      drops = routed.router().metric("access_log_lines_dropped{sink=\"syslog\"}") > 0;
  }
  EXPECT_TRUE(drops);
  EXPECT_GT(routed.router().metric("access_log_lines_dropped{sink=\"file\"}"), 0);
  EXPECT_EQ(routed.router().metric("access_log_lines_written{sink=\"file\"}"), 0);
  EXPECT_NE(routed.log_line("access-log-write-failed", "file"), "")
      << routed.router().process().output();
  EXPECT_NE(routed.log_line("access-log-queue-full", "syslog"), "");
  routed.router().process().signal(SIGTERM);
  EXPECT_EQ(routed.router().process().wait_for_exit(), 0);
  is_over = true;
}

TEST(AccessLog, a_file_that_cannot_be_opened_ends_the_start) {
  const NatsServer nats;
  RouterBinary router(nats.port(), "access_log: {file: /absent/access.log}");
  EXPECT_EQ(router.process().wait_for_exit(), 1);
  EXPECT_NE(router.process().output().find("error-opening-access-log"), std::string::npos);
}

}  // namespace
}  // namespace causeway::test
