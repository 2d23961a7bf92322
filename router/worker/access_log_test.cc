#include "router/observe/access_log.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <gtest/gtest.h>

#include "router/observe/access_record.h"
#include "router/workbench/request_ids.h"
#include "test/support/fake_backend.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

class AccessLogFile : public testing::Test {
 protected:
  AccessLogFile() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "access_log_test.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ + "/access.log";
  }
  ~AccessLogFile() override { std::filesystem::remove_all(folder_); }
  static std::string content(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::string folder_, path_;
};

router::AccessRecord example_record() {
  router::AccessRecord record;
  record.started_unix_ns = 1'136'214'245'000'000'042;
  record.host = "app.example:80";
  record.method = "GET";
  record.target = "/p?q=\"1\"";
  record.status = 200;
  record.received_bytes = 4;
  record.sent_bytes = 5;
  record.user_agent = "agent\t\x01\xff caf\xc3\xa9";
  record.client = "192.0.2.1:4711";
  record.backend = "10.0.0.1:61001";
  record.forwarded_for = "192.0.2.9, 192.0.2.1";
  record.forwarded_proto = "https";
  record.request_id = "an-id";
  record.response_seconds = 0.0123456;
  record.gorouter_seconds = 0.0000314;
  record.app_id = "an-app";
  record.app_index = "7";
  record.instance_id = "an-instance";
  return record;
}

std::string line_of(const router::AccessRecord& record, const router::Settings& settings = {},
                    const http::Headers* headers = nullptr) {
  std::string out;
  router::append_access_line(out, record, settings, headers);
  return out;
}

TEST(AccessRecord, line) {
  EXPECT_EQ(line_of(example_record()),
            "app.example:80 - [2006-01-02T15:04:05.000000042Z] \"GET /p?q=\\\"1\\\" HTTP/1.1\" 200 "
            "4 5 \"-\" "
            "\"agent\\t\\x01\\xff caf\xc3\xa9\" \"192.0.2.1:4711\" \"10.0.0.1:61001\" "
            "x_forwarded_for:\"192.0.2.9, 192.0.2.1\" x_forwarded_proto:\"https\" "
            "vcap_request_id:\"an-id\" "
            "response_time:0.012346 gorouter_time:0.000031 app_id:\"an-app\" app_index:\"7\" "
            "instance_id:\"an-instance\" "
            "x_cf_routererror:\"-\"\n");
  router::AccessRecord empty;
  empty.method = "GET";
  empty.target = "/";
  empty.http10 = true;
  EXPECT_EQ(
      line_of(empty),
      "- - [1970-01-01T00:00:00.000000000Z] \"GET / HTTP/1.0\" \"-\" 0 0 \"-\" \"-\" \"-\" \"-\" "
      "x_forwarded_for:\"-\" "
      "x_forwarded_proto:\"-\" vcap_request_id:\"-\" response_time:0.000000 gorouter_time:\"-\" "
      "app_id:\"-\" app_index:\"-\" "
      "instance_id:\"-\" x_cf_routererror:\"-\"\n");
}

TEST(AccessRecord, extra_fields_and_headers) {
  router::Settings settings;
  settings.extra_access_log_fields = {"failed_attempts", "backend_time", "tls_time",
                                      "local_address"};
  settings.extra_headers_to_log = {"X-My-Header", "Absent"};
  router::AccessRecord record = example_record();
  record.failed_attempts = 2;
  record.backend_seconds = 1.5;
  http::Headers headers;
  headers.add("x-my-header", "v\"");
  const std::string line = line_of(record, settings, &headers);
  EXPECT_NE(line.find("instance_id:\"an-instance\" failed_attempts:2 backend_time:1.500000 "
                      "tls_time:\"-\" local_address:\"-\" "
                      "x_cf_routererror:\"-\" x_my_header:\"v\\\"\" absent:\"-\"\n"),
            std::string::npos)
      << line;
}

TEST(AccessRecord, redaction) {
  router::Settings settings;
  settings.disable_log_forwarded_for = settings.disable_log_source_ip = true;
  settings.redact_query_params = router::RedactQuery::all;
  router::AccessRecord record = example_record();
  record.target = "/p?secret";
  std::string line = line_of(record, settings);
  EXPECT_NE(line.find("\"GET /p HTTP/1.1\""), std::string::npos);
  EXPECT_NE(line.find("\"-\" \"10.0.0.1:61001\" x_forwarded_for:\"-\""), std::string::npos);
  settings.redact_query_params = router::RedactQuery::hash;
  line = line_of(record, settings);
  EXPECT_NE(line.find("\"GET /p?hash=e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4 HTTP/1.1\""),
            std::string::npos)
      << line;
  record.method = "POST";
  EXPECT_NE(line_of(record, settings).find("/p?secret"), std::string::npos);
}

TEST_F(AccessLogFile, writes_appends_and_reopens) {
  std::ofstream(path_) << "before\n";
  auto opened = router::AccessLog::open({.path = path_});
  ASSERT_TRUE(opened);
  router::AccessLog& log = **opened;
  std::string text = "one\n";
  log.submit(text, 1);
  EXPECT_TRUE(text.empty());
  log.flush();
  EXPECT_EQ(content(path_), "before\none\n");
  std::filesystem::rename(path_, path_ + ".1");
  log.reopen();
  text = "two\n";
  log.submit(text, 1);
  log.flush();
  EXPECT_EQ(content(path_), "two\n");
  std::filesystem::resize_file(path_, 0);  // copytruncate
  text = "three\n";
  log.submit(text, 1);
  log.flush();
  EXPECT_EQ(content(path_), "three\n");
  EXPECT_EQ(log.lines_written(), 3u);
}

TEST_F(AccessLogFile, drops_and_counts_when_the_queue_is_full) {
  auto opened = router::AccessLog::open({.path = path_, .queue_bytes_max = 10});
  ASSERT_TRUE(opened);
  std::string text = "a line that is too long\n";
  (*opened)->submit(text, 3);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ((*opened)->lines_dropped(), 3u);
  EXPECT_FALSE(router::AccessLog::open({.path = folder_ + "/absent/access.log"}));
}

TEST_F(AccessLogFile, every_exchange_leaves_one_line) {
  FakeBackend backend(FakeBackend::answers("hello"));
  RouterUnderTest::Options options;
  options.access_log_path = path_;
  options.settings.extra_headers_to_log = {"X-Extra"};
  options.settings.extra_access_log_fields = {"local_address", "failed_attempts"};
  RouterUnderTest router(options);
  router.add("app.example", backend.port(), [](router::EndpointSpec& spec) {
    spec.app_id = "app-1";
    spec.instance_id = "instance-1";
    spec.instance_index = "0";
  });
  RawSocket client = router.connect();
  client.send(
      "POST /path?q HTTP/1.1\r\nHost: App.Example\r\nUser-Agent: tester\r\nReferer: "
      "http://r\r\nX-Extra: e\r\n"
      "Content-Length: 3\r\n\r\nabc");
  EXPECT_EQ(read_reply(client).status(), 200);
  client.send("GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n");
  EXPECT_EQ(read_reply(client).status(), 404);
  client.send("OPTIONS * HTTP/1.1\r\nHost: app.example\r\n\r\n");
  EXPECT_EQ(read_reply(client).status(), 200);
  client.send("broken\r\n\r\n");
  EXPECT_EQ(read_reply(client).status(), 400);
  ASSERT_TRUE(eventually([&] { return router.access_log()->lines_written() == 2; }));
  const std::string text = content(path_);
  const std::string first = text.substr(0, text.find('\n'));
  const std::string port = std::to_string(backend.port());
  // tidy: its input is one short line of our own
  const std::regex form(
      "App\\.Example - \\[20..-..-..T..:..:..\\..........Z\\] \"POST /path\\?q "
      "HTTP/1.1\" 200 3 5 "
      "\"http://r\" \"tester\" \"127\\.0\\.0\\.1:[0-9]+\" \"127\\.0\\.0\\.1:" +
      port +
      "\" x_forwarded_for:\"127\\.0\\.0\\.1\" x_forwarded_proto:\"http\" "
      "vcap_request_id:\"[0-9a-f-]{36}\" "
      "response_time:[0-9]+\\.[0-9]{6} gorouter_time:[0-9]+\\.[0-9]{6} "
      "app_id:\"app-1\" app_index:\"0\" "
      "instance_id:\"instance-1\" local_address:\"127\\.0\\.0\\.1:[0-9]+\" failed_attempts:0 "
      "x_cf_routererror:\"-\" x_extra:\"e\"");
  EXPECT_TRUE(std::regex_match(first, form)) << first;
  EXPECT_NE(text.find("\"GET / HTTP/1.1\" 404 0 "), std::string::npos);
  EXPECT_NE(text.find("x_cf_routererror:\"unknown_route\""), std::string::npos);
}

TEST(RequestIds, are_version_4_uuids) {
  router::RequestIds ids([](std::span<std::byte> out) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i * 7);
  });
  char text[router::RequestIds::text_bytes];
  ids.next(text);
  EXPECT_EQ(std::string(text, sizeof text), "00070e15-1c23-4a31-b83f-464d545b6269");
}

}  // namespace
