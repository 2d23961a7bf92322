#include "grpc/server.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/loop.h"
#include "net/tcp.h"
#include "net/timer.h"

namespace causeway::grpc {
namespace {

using namespace std::chrono_literals;

constexpr uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kGoaway = 7;

std::string frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string bytes;
  for (int shift = 16; shift >= 0; shift -= 8)
    bytes += static_cast<char>(payload.size() >> shift & 0xff);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(stream >> shift & 0xff);
  return bytes + payload;
}

// A field as a literal without indexing (RFC 7541 section 6.2.2).
std::string field(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name +
         static_cast<char>(value.size()) + value;
}

// A client that writes its frames by hand.
class HandClient final : public net::Stream::Events {
 public:
  HandClient(net::Loop& loop, const net::Address& address) {
    connector_ = net::Connector::start(loop, address, {}, [this](auto stream) {
      ASSERT_TRUE(stream);
      stream_ = std::move(*stream);
      stream_->listen(*this);
      stream_->write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(kSettings, 0, 0, ""));
    });
  }
  bool is_open() const { return stream_ != nullptr; }
  void call(uint32_t stream, const std::string& path, const std::string& message) {
    const std::string head = field(":method", "POST") + field(":scheme", "http") +
                             field(":path", path) + field(":authority", "a") +
                             field("content-type", "application/grpc") + field("te", "trailers");
    std::string body(4, '\0');
    body += static_cast<char>(message.size());
    stream_->write(frame(kHeaders, 4, stream, head) + frame(kData, 1, stream, body + message));
  }
  void leave() { stream_.reset(); }
  void reset(uint32_t stream) {
    stream_->write(frame(kReset, 0, stream, std::string("\0\0\0\x8", 4)));
  }
  // Payloads of the DATA frames of a stream.
  std::string data(uint32_t stream) const {
    std::string text;
    each_frame([&](uint8_t type, uint32_t of, const std::string& payload) {
      if (type == kData && of == stream) text += payload;
    });
    return text;
  }
  int frames(uint8_t wanted) const {
    int count = 0;
    each_frame(
        [&](uint8_t type, uint32_t, const std::string&) { count += type == wanted ? 1 : 0; });
    return count;
  }
  bool has_ended = false;

 private:
  void on_read(std::span<char> bytes) override { in_.append(bytes.data(), bytes.size()); }
  void on_end() override { has_ended = true; }
  void on_failure(const Error&) override { has_ended = true; }

  void each_frame(const std::function<void(uint8_t, uint32_t, const std::string&)>& visit) const {
    const auto byte = [&](size_t at) { return static_cast<unsigned char>(in_[at]); };
    for (size_t at = 0; at + 9 <= in_.size();) {
      const size_t size = static_cast<size_t>(byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2));
      if (at + 9 + size > in_.size()) return;
      const auto stream = static_cast<uint32_t>(byte(at + 7) << 8 | byte(at + 8));
      visit(byte(at + 3), stream, in_.substr(at + 9, size));
      at += 9 + size;
    }
  }
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Stream> stream_;
  std::string in_;
};

class GrpcServer : public testing::Test {
 protected:
  GrpcServer() {
    tick_.every(5ms, [] {});
    server_ = std::make_unique<Server>(loop_, logger_, Server::Options{});
    server_->method("/t/Echo", [](const std::string& body, const Server::OnAnswer& on_answer) {
      on_answer({.status = Status::ok, .body = body});
    });
    server_->method("/t/Later", [this](const std::string&, const Server::OnAnswer& on_answer) {
      waiting_.push_back(on_answer);
    });
    address_ = server_->listen(net::Address::loopback(0)).value();
  }
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }
  std::unique_ptr<HandClient> client() {
    auto made = std::make_unique<HandClient>(loop_, address_);
    EXPECT_TRUE(until([&] { return made->is_open(); }));
    return made;
  }

  net::Loop loop_;
  net::Timer tick_{loop_};
  log::Sink sink_{{.level = log::Level::error, .path = {}}};
  log::Logger logger_{sink_, "test"};
  std::vector<Server::OnAnswer> waiting_;
  std::unique_ptr<Server> server_;
  net::Address address_ = net::Address::loopback(1);
};

TEST_F(GrpcServer, answers_a_call_with_a_message_and_trailers) {
  const auto one = client();
  one->call(1, "/t/Echo", "hello");
  ASSERT_TRUE(until([&] { return one->frames(kHeaders) == 2; }));
  EXPECT_EQ(one->data(1), std::string("\0\0\0\0\5hello", 10));
  EXPECT_EQ(server_->calls(), 1u);
  EXPECT_EQ(server_->failed_calls(), 0u);
}

TEST_F(GrpcServer, refuses_methods_it_does_not_know) {
  const auto one = client();
  one->call(1, "/t/Nothing", "x");
  ASSERT_TRUE(until([&] { return one->frames(kHeaders) == 1; }));
  EXPECT_EQ(one->data(1), "");
  EXPECT_EQ(server_->failed_calls(), 1u);
}

TEST_F(GrpcServer, answers_that_come_after_their_call_or_twice_are_dropped) {
  const auto one = client();
  auto other = client();
  one->call(1, "/t/Later", "");
  one->call(3, "/t/Later", "");
  other->call(1, "/t/Later", "");
  ASSERT_TRUE(until([&] { return waiting_.size() == 3; }));
  one->reset(1);
  other->leave();
  one->call(5, "/t/Echo", "x");  // behind the reset
  ASSERT_TRUE(until([&] { return !one->data(5).empty() && server_->connections() == 1; }));
  for (const auto& answer : waiting_) answer({.status = Status::ok, .body = "late"});
  for (const auto& answer : waiting_) answer({.status = Status::ok, .body = "twice"});
  ASSERT_TRUE(until([&] { return !one->data(3).empty(); }));
  EXPECT_EQ(one->data(3), std::string("\0\0\0\0\4late", 9));
  EXPECT_EQ(one->data(1), "");
}

TEST_F(GrpcServer, drains_telling_clients_to_go_and_answering_what_is_under_way) {
  const auto one = client();
  one->call(1, "/t/Later", "");
  ASSERT_TRUE(until([&] { return waiting_.size() == 1; }));
  server_->drain();
  ASSERT_TRUE(until([&] { return one->frames(kGoaway) > 0; }));
  waiting_[0]({.status = Status::ok, .body = "last"});
  ASSERT_TRUE(until([&] { return one->has_ended; }));
  EXPECT_EQ(one->data(1), std::string("\0\0\0\0\4last", 9));
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(GrpcServer, ends_with_calls_under_way) {
  const auto one = client();
  one->call(1, "/t/Later", "");
  ASSERT_TRUE(until([&] { return waiting_.size() == 1; }));
  server_.reset();
  ASSERT_TRUE(until([&] { return one->has_ended; }));
}

}  // namespace
}  // namespace causeway::grpc
