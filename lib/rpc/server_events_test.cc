#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include <gtest/gtest.h>

#include "base/sanitizers.h"
#include "rpc/server.h"
#include "rpc/test_bed.h"

namespace {
size_t sends = 0;  // system calls of this process
}

// In place of the C library's: counted.
extern "C" ssize_t send(int descriptor, const void* bytes, size_t size, int flags) {
  ++sends;
  return ::syscall(SYS_sendto, descriptor, bytes, size, flags, nullptr, 0);
}
extern "C" ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  ++sends;
  return ::syscall(SYS_sendmsg, descriptor, message, flags);
}

namespace causeway::rpc {
namespace {

// A server with one event stream, and its subscriber.
class ServerEvents : public testing::Test {
 protected:
  // Answers the subscriber once it has the head.
  std::unique_ptr<test::RawPeer> subscribe(Server::Options options = {}) {
    server = std::make_unique<Server>(bed.loop(), bed.logger(), options);
    server->route("GET", "/events", [this](const Request&, Responder responder) {
      stream = responder.stream();
      stream->on_gone([this] { is_gone = true; });
    });
    const auto address = server->listen(net::Address::loopback(0));
    EXPECT_TRUE(address) << to_string(address.error());
    auto peer = std::make_unique<test::RawPeer>(bed.loop(), *address);
    EXPECT_TRUE(bed.until([&] { return peer->is_connected(); }));
    peer->send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(bed.until([&] { return peer->received.ends_with("\r\n\r\n"); }));
    return peer;
  }

  bool is_gone = false;  // outlives what sets it
  test::TestBed bed;
  std::unique_ptr<Server> server;
  std::unique_ptr<Responder::EventStream> stream;
};

TEST_F(ServerEvents, events_are_sent_as_they_come) {
  auto peer = subscribe();
  EXPECT_EQ(peer->received,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
            "Cache-Control: no-cache, no-store, must-revalidate\r\nTransfer-Encoding: chunked\r\n"
            "Connection: keep-alive\r\n\r\n");
  peer->received.clear();
  EXPECT_TRUE(stream->send("0", "created", "YWJj"));
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with("\n\n\r\n"); }));
  EXPECT_EQ(peer->received, "21\r\nid: 0\nevent: created\ndata: YWJj\n\n\r\n");
  stream.reset();
  ASSERT_TRUE(bed.until([&] { return peer->is_closed; }));
  EXPECT_TRUE(peer->received.ends_with("0\r\n\r\n"));
  EXPECT_FALSE(is_gone);
}

TEST_F(ServerEvents, events_of_one_turn_leave_together) {
  auto peer = subscribe();
  peer->received.clear();
  const EventText text = event_text("e", "x");
  EXPECT_TRUE(stream->send("0", text));
  EXPECT_TRUE(stream->send("1", text));
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with("\n\n\r\n"); }));
  EXPECT_EQ(peer->received, "30\r\nid: 0\nevent: e\ndata: x\n\nid: 1\nevent: e\ndata: x\n\n\r\n");
  EXPECT_TRUE(stream->send("2", text));
  stream.reset();
  ASSERT_TRUE(bed.until([&] { return peer->is_closed; }));
  EXPECT_TRUE(peer->received.ends_with("id: 2\nevent: e\ndata: x\n\n\r\n0\r\n\r\n"));
}

TEST_F(ServerEvents, events_of_one_turn_are_one_system_call) {
  auto peer = subscribe();
  const EventText text = event_text("e", "x");
  const size_t before = sends;
  for (int i = 0; i < 31; ++i) ASSERT_TRUE(stream->send(std::to_string(i), text)) << i;
  ASSERT_TRUE(bed.until([&] { return peer->received.find("id: 30\n") != std::string::npos; }));
  EXPECT_EQ(sends - before, 1u);
}

TEST_F(ServerEvents, small_and_large_events_of_one_turn_arrive_whole_and_in_order) {
  auto peer = subscribe();
  peer->received.clear();
  std::string expected;
  for (int i = 0; i < 60; ++i) {
    const size_t size = std::array<size_t, 4>{1, 9000, 30'000, 200}[static_cast<size_t>(i) % 4];
    const EventText text = event_text("e", std::string(size, 'x'));
    ASSERT_TRUE(stream->send(std::to_string(i), text)) << i;
    expected += "id: " + std::to_string(i) + "\n" + *text;
  }
  stream.reset();
  ASSERT_TRUE(bed.until([&] { return peer->is_closed; }));
  std::string events;
  for (std::string_view rest = peer->received; !rest.empty();) {
    const size_t line_end = rest.find("\r\n");
    ASSERT_NE(line_end, std::string_view::npos);
    size_t size = 0;
    std::from_chars(rest.data(), rest.data() + line_end, size, 16);
    events += rest.substr(line_end + 2, size);
    rest.remove_prefix(std::min(rest.size(), line_end + 2 + size + 2));
  }
  EXPECT_EQ(events, expected);
}

TEST_F(ServerEvents, more_events_of_one_turn_than_a_queue_holds_cut_nobody_off) {
  auto peer = subscribe({.queue_events_max = 10});
  const EventText text = event_text("e", "x");
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(stream->send(std::to_string(i), text)) << i;
  EXPECT_TRUE(bed.until([&] { return peer->received.find("id: 99\n") != std::string::npos; }));
}

TEST_F(ServerEvents, a_subscriber_that_leaves_is_noticed) {
  auto peer = subscribe();
  peer->close();
  ASSERT_TRUE(bed.until([&] { return is_gone; }));
  EXPECT_FALSE(stream->send("", "x", "y"));
  EXPECT_EQ(server->connections(), 0u);
  stream.reset();
}

TEST_F(ServerEvents, a_slow_subscriber_is_cut_off_when_its_queue_is_full) {
  auto peer = subscribe({.queue_events_max = 10});
  peer->stop_reading();
  const std::string data(100'000, 'x');
  int sent = 0;
  while (stream->send(std::to_string(sent), "x", data)) ASSERT_LT(++sent, 1000);
  EXPECT_GE(sent, 10);
  EXPECT_FALSE(stream->send("", "x", "y"));
  EXPECT_EQ(server->connections(), 0u);
  EXPECT_FALSE(is_gone);
  peer->go_on_reading();
  ASSERT_TRUE(bed.until([&] { return peer->is_closed; }));
}

TEST_F(ServerEvents, a_subscriber_that_catches_up_gets_every_event) {
  auto peer = subscribe();
  peer->stop_reading();
  const std::string data(20'000, 'x');
  for (int i = 0; i < 900; ++i) ASSERT_TRUE(stream->send(std::to_string(i), "x", data));
  peer->go_on_reading();
  ASSERT_TRUE(bed.until([&] { return peer->received.find("id: 899\n") != std::string::npos; }));
  for (int i = 0; i < 900; ++i) {
    ASSERT_NE(peer->received.find("id: " + std::to_string(i) + "\n"), std::string::npos) << i;
  }
}

TEST_F(ServerEvents, memory_of_what_waited_is_given_back) {
  auto peer = subscribe({.queue_events_max = 100'000});
  peer->stop_reading();
  const size_t before = test::heap_bytes();
  const EventText large = event_text("e", std::string(100'000, 'x'));
  const EventText small = event_text("e", "x");
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(stream->send("", large));
  for (int i = 0; i < 70'000; ++i) ASSERT_TRUE(stream->send("", small));
  ASSERT_TRUE(stream->send("last", small));
  peer->go_on_reading();
  const std::string end = "id: last\n" + *small + "\r\n";
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with(end); }));
  std::string().swap(peer->received);
  if constexpr (!is_sanitized) {
    EXPECT_LT(test::heap_bytes(), before + (3u << 20));
  }
}

TEST_F(ServerEvents, a_subscriber_cut_off_in_the_turn_of_its_first_event_is_not_sent_to_after_it) {
  auto peer = subscribe();
  peer->stop_reading();
  const EventText text = event_text("e", std::string(1000, 'x'));
  int sent = 0;
  while (stream->send(std::to_string(sent), text)) ASSERT_LT(++sent, 100'000);
  EXPECT_EQ(server->connections(), 0u);
  bed.turn();
  EXPECT_FALSE(is_gone);
}

TEST_F(ServerEvents, a_server_ended_in_a_turn_with_events_left_over_sends_nothing_after_it) {
  auto peer = subscribe();
  peer->stop_reading();
  ASSERT_TRUE(stream->send("0", "e", "x"));
  // More than the kernel and the connection take.
  const EventText text = event_text("e", std::string(100'000, 'x'));
  for (int i = 1; i < 400; ++i) ASSERT_TRUE(stream->send(std::to_string(i), text)) << i;
  server.reset();
  EXPECT_TRUE(is_gone);
  bed.turn();
  EXPECT_FALSE(stream->send("400", text));
}

}  // namespace
}  // namespace causeway::rpc
