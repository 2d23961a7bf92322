#include "cell/health/probe.h"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/loop.h"
#include "net/stream.h"
#include "net/tcp.h"

namespace causeway::health {
namespace {

// Answers every connection with one text, or with silence.
class Answerer : private net::Stream::Events {
 public:
  Answerer(net::Loop& loop, std::string reply) : reply_(std::move(reply)) {
    auto opened = net::Listener::open(loop, net::Address::loopback(0),
                                      [this](std::unique_ptr<net::Stream> stream) {
                                        stream_ = std::move(stream);
                                        stream_->listen(*this);
                                      });
    EXPECT_TRUE(opened.has_value());
    listener_ = std::move(*opened);
  }
  uint16_t port() const { return listener_->address().port(); }
  std::string received;

 private:
  void on_read(std::span<char> bytes) override {
    received.append(bytes.data(), bytes.size());
    if (reply_ == "close") return stream_->shutdown();
    if (!reply_.empty()) stream_->write(reply_);
  }
  void on_end() override {}
  void on_failure(const Error&) override {}

  std::string reply_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Stream> stream_;
};

Result<void> probe(net::Loop& loop, Check check) {
  std::optional<Result<void>> outcome;
  const auto running = Probe::start(loop, "127.0.0.1", check,
                                    [&](Result<void> result) { outcome = std::move(result); });
  EXPECT_FALSE(outcome.has_value());
  while (!outcome) loop.run_once();
  return *outcome;
}

Check http(uint16_t port) {
  Check check;
  check.kind = Check::Kind::http;
  check.port = port;
  check.path = "/health?x=1";
  check.timeout = std::chrono::seconds(10);
  return check;
}

TEST(Probe, tcp_passes_when_somebody_listens) {
  net::Loop loop;
  Answerer app(loop, "");
  Check check;
  check.port = app.port();
  EXPECT_TRUE(probe(loop, check).has_value());
}

TEST(Probe, tcp_says_that_nobody_listens) {
  net::Loop loop;
  Check check;
  { check.port = Answerer(loop, "").port(); }
  const Result<void> result = probe(loop, check);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().detail, "Failed to make TCP connection to port " +
                                       std::to_string(check.port) + ": connection refused");
}

TEST(Probe, http_passes_with_200_only) {
  net::Loop loop;
  Answerer well(loop, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(probe(loop, http(well.port())).has_value());
  EXPECT_THAT(well.received, testing::StartsWith("GET /health?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
  Answerer unwell(loop, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
  EXPECT_THAT(probe(loop, http(unwell.port())).error().detail,
              testing::HasSubstr("received status code 503"));
}

TEST(Probe, http_names_other_failures) {
  net::Loop loop;
  Answerer strange(loop, "SSH-2.0-OpenSSH_9.2\r\n");
  EXPECT_THAT(probe(loop, http(strange.port())).error().detail,
              testing::HasSubstr("malformed HTTP response"));
  Answerer closing(loop, "close");
  EXPECT_THAT(probe(loop, http(closing.port())).error().detail,
              testing::HasSubstr("connection closed"));
  Answerer silent(loop, "");
  Check check = http(silent.port());
  check.timeout = std::chrono::milliseconds(30);
  EXPECT_THAT(probe(loop, check).error().detail,
              testing::EndsWith("Failed to make HTTP request to '/health?x=1' on port " +
                                std::to_string(silent.port()) + ": timed out after 0.03 seconds"));
}

}  // namespace
}  // namespace causeway::health
