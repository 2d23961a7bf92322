#include "http2/server_session.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace causeway::http2 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string frame_of(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string text;
  for (const int shift : {16, 8, 0}) text.push_back(static_cast<char>(payload.size() >> shift));
  text.push_back(static_cast<char>(type));
  text.push_back(static_cast<char>(flags));
  for (const int shift : {24, 16, 8, 0}) text.push_back(static_cast<char>(stream >> shift));
  return text.append(payload);
}

std::string field_of(std::string_view name, std::string_view value) {
  std::string text(1, '\0');
  text.push_back(static_cast<char>(name.size()));
  text.append(name).push_back(static_cast<char>(value.size()));
  return text.append(value);
}

std::string get_block() {
  return field_of(":method", "GET") + field_of(":scheme", "http") + field_of(":path", "/") +
         field_of(":authority", "app.example");
}

struct TestStream final : ServerStream {
  Arena& head_arena() override { return arena; }
  void on_body(std::string_view bytes) override { body.append(bytes); }
  void on_fed() override { ++fed; }
  void on_drained() override { ++drained; }
  void on_closed(bool client) override {
    was_closed = true;
    by_client = client;
  }
  Arena arena;
  std::string body;
  int fed = 0;
  int drained = 0;
  bool was_closed = false;
  bool by_client = false;
};

struct Http2Server : testing::Test, ServerSession::Events {
  ServerStream& on_stream() override {
    streams.push_back(std::make_unique<TestStream>());
    return *streams.back();
  }
  void on_output_waiting() override {}
  void on_violation(bool is_flood) override { (is_flood ? floods : violations) += 1; }

  void greet() {
    say(std::string(kClientPreface) + frame_of(4, 0, 0, {}));
    output();
  }
  void say(std::string_view bytes) { session.feed(bytes, now); }
  std::string output() {
    std::string out;
    while (session.take_output(out, out.size() + 65'536)) continue;
    return out;
  }
  void TearDown() override { session.close_streams(); }

  Instant now = Instant{} + seconds(1);
  Memory memory;
  std::vector<std::unique_ptr<TestStream>> streams;
  int violations = 0;
  int floods = 0;
  ServerSession session{memory, *this, {}};
  http::Headers fields;
};

TEST_F(Http2Server, a_request_is_told_at_the_end_of_what_was_fed_not_in_the_middle) {
  greet();
  // Cancelled in the same breath: nobody is told that it was there.
  say(frame_of(1, 5, 1, get_block()) + frame_of(3, 0, 1, std::string("\0\0\0\x8", 4)));
  ASSERT_EQ(streams.size(), 1u);
  EXPECT_EQ(streams[0]->fed, 0);
  EXPECT_TRUE(streams[0]->was_closed && streams[0]->by_client);
  say(frame_of(1, 5, 3, get_block()));
  ASSERT_EQ(streams.size(), 2u);
  EXPECT_EQ(streams[1]->fed, 1);
  EXPECT_EQ(streams[1]->head().method, "GET");
  EXPECT_EQ(streams[1]->head().headers.get("host"), "app.example");
  EXPECT_EQ(streams[1]->head().version, (http::Version{2, 0}));
}

TEST_F(Http2Server, heads_of_all_open_requests_have_a_bound_together) {
  greet();
  // 3,000 bytes said once, then named by a byte each: 200 times, 0.6 MiB for 200 bytes.
  const std::string large = std::string("\x40\x01x\x7f\xb9\x16", 6) + std::string(3000, 'y');
  say(frame_of(1, 5, 1, get_block() + large));
  streams[0]->reply(200, fields, true);
  output();
  EXPECT_EQ(session.heads_bytes(), 0u);
  uint32_t id = 3;
  for (; id < 3 + 2 * 20; id += 2) say(frame_of(1, 5, id, get_block() + std::string(200, '\xbe')));
  EXPECT_LE(session.heads_bytes(), ServerLimits{}.heads_bytes_max);
  EXPECT_GT(session.heads_bytes(), ServerLimits{}.heads_bytes_max - 4000);
  const auto told = [this] {
    return std::count_if(streams.begin(), streams.end(),
                         [](const auto& each) { return each->fed > 0; });
  };
  EXPECT_EQ(told(), 1 + 6);
  EXPECT_EQ(floods, 14);
  const std::string refused("\0\0\x4\x3\0\0\0\0\x11\0\0\0\x7", 13);  // stream 17
  EXPECT_NE(output().find(refused), std::string::npos);
  // The table is whole all the same, and there is room again when one of them ends.
  streams[1]->reply(200, fields, true);
  output();
  say(frame_of(1, 5, id, get_block() + std::string(2, '\xbe')));
  EXPECT_EQ(told(), 1 + 7);
  EXPECT_EQ(streams.back()->head().headers.get("x").size(), 3000u);
}

TEST_F(Http2Server, trailers_beyond_the_limit_cost_their_stream_and_leave_no_head_unfinished) {
  greet();
  const std::string large = std::string("\x40\x01x\x7f\xb9\x16", 6) + std::string(3000, 'y');
  const std::string post = field_of(":method", "POST") + field_of(":scheme", "http") +
                           field_of(":path", "/") + field_of(":authority", "app.example");
  say(frame_of(1, 4, 1, post + large));
  EXPECT_FALSE(session.is_in_head());
  say(frame_of(1, 5, 1, std::string(400, '\xbe')));  // 1.2 MB
  EXPECT_FALSE(session.is_in_head());
  EXPECT_NE(output().find(std::string("\0\0\x4\x3\0\0\0\0\x1", 9)), std::string::npos);
  EXPECT_TRUE(streams[0]->was_closed);
  say(frame_of(1, 5, 3, get_block()));
  EXPECT_EQ(streams.back()->fed, 1);
}

TEST_F(Http2Server, streams_that_it_has_to_reset_count_as_broken_ones_wherever_it_notices) {
  greet();
  uint32_t id = 1;
  // More of a body than its length: noticed while reading, reset while writing.
  const std::string post = field_of(":method", "POST") + field_of(":scheme", "http") +
                           field_of(":path", "/") + field_of(":authority", "app.example") +
                           field_of("content-length", "1");
  while (!session.is_over() && id < 2000) {
    say(frame_of(1, 4, id, post) + frame_of(0, 0, id, "xy"));
    output();
    id += 2;
  }
  EXPECT_EQ(id / 2, FloodLimits{}.broken_streams_burst + 1);
  EXPECT_EQ(floods, 1);
}

TEST_F(Http2Server, tunnels_count_as_broken_streams_until_they_were_answered) {
  greet();
  const std::string connect = field_of(":method", "CONNECT") + field_of(":protocol", "websocket") +
                              field_of(":scheme", "http") + field_of(":path", "/") +
                              field_of(":authority", "app.example");
  const std::string cancel("\0\0\0\x8", 4);
  uint32_t id = 1;
  for (; id < 1000; id += 2) {
    say(frame_of(1, 4, id, connect));
    streams.back()->reply(200, fields, false);
    output();
    say(frame_of(3, 0, id, cancel));
  }
  EXPECT_EQ(floods, 0);
  const uint32_t first = id;
  // By the client, and by the session for trailers that do not end the stream.
  for (; !session.is_over() && id < 4000; id += 4) {
    say(frame_of(1, 4, id, connect) + frame_of(3, 0, id, cancel));
    say(frame_of(1, 4, id + 2, connect) + frame_of(1, 4, id + 2, {}));
    output();
  }
  EXPECT_LE((id - first) / 2, FloodLimits{}.broken_streams_burst + 2);
  EXPECT_EQ(floods, 1);
}

TEST_F(Http2Server, a_body_beyond_the_connections_window_is_an_error_of_the_connection) {
  greet();
  say(frame_of(4, 1, 0, {}));  // our windows hold from now on
  const std::string post = field_of(":method", "POST") + field_of(":scheme", "http") +
                           field_of(":path", "/") + field_of(":authority", "app.example");
  // 1 MiB, of which nobody takes a byte, over streams whose own windows have room.
  size_t said = 0;
  for (uint32_t id = 1; id < 12; id += 2) {
    say(frame_of(1, 4, id, post));
    for (int i = 0; i < 12 && said < 64; ++i, ++said)
      say(frame_of(0, 0, id, std::string(16'384, 'x')));
  }
  EXPECT_EQ(said, 64u);
  EXPECT_EQ(violations, 0);
  EXPECT_EQ(streams.size(), 6u);
  say(frame_of(0, 0, 11, "x"));
  const std::string out = output();
  EXPECT_EQ(out.substr(out.size() - 4), std::string("\0\0\0\x3", 4));  // FLOW_CONTROL_ERROR
  EXPECT_TRUE(session.is_over());
}

TEST_F(Http2Server, a_reply_beyond_the_window_waits_and_its_queue_tells_when_it_has_drained) {
  greet();
  say(frame_of(1, 5, 1, get_block()));
  TestStream& stream = *streams[0];
  stream.high_mark(10'000);
  stream.reply(200, fields, false);
  stream.write(std::string(100'000, 'x'));
  EXPECT_TRUE(stream.is_full());
  stream.end(fields);
  output();
  EXPECT_EQ(stream.queued_bytes(), 100'000u - 65'535u);
  EXPECT_EQ(stream.drained, 0);
  // 33,000 bytes more, so that 1,465 are left.
  const std::string_view increment("\0\0\x80\xe8", 4);
  say(frame_of(8, 0, 0, increment) + frame_of(8, 0, 1, increment));
  output();
  EXPECT_EQ(stream.drained, 1);
  EXPECT_FALSE(stream.was_closed);
  say(frame_of(8, 0, 0, increment) + frame_of(8, 0, 1, increment));
  output();
  EXPECT_TRUE(stream.was_closed && !stream.by_client);
}

TEST_F(Http2Server, every_stream_with_bytes_is_full_when_all_have_too_many_together) {
  greet();
  say(frame_of(1, 5, 1, get_block()) + frame_of(1, 5, 3, get_block()));
  streams[0]->high_mark(10u << 20);
  streams[0]->reply(200, fields, false);
  streams[1]->reply(200, fields, false);
  streams[1]->write("x");
  EXPECT_FALSE(streams[1]->is_full());
  streams[0]->write(std::string(2u << 20, 'x'));
  EXPECT_TRUE(streams[0]->is_full());
  EXPECT_TRUE(streams[1]->is_full());
}

TEST_F(Http2Server, frames_that_carry_nothing_are_bounded_and_allowed_again_with_time) {
  greet();
  const std::string ping = frame_of(6, 0, 0, "12345678");
  std::string last;
  const auto say_pings = [&](int count) {
    for (int i = 0; i < count && floods == 0; ++i) {
      say(ping);
      last = output();
    }
  };
  say_pings(1900);
  for (int second = 0; second < 20; ++second) {
    now += seconds(1);
    say_pings(190);
  }
  EXPECT_EQ(floods, 0);
  say_pings(2100);
  EXPECT_EQ(floods, 1);
  ASSERT_GE(last.size(), 17u);
  EXPECT_EQ(last.substr(last.size() - 17), frame_of(7, 0, 0, std::string("\0\0\0\0\0\0\0\xb", 8)));
  EXPECT_TRUE(session.is_over());
}

TEST_F(Http2Server, shutdown_in_two_steps_serves_what_was_under_way) {
  greet();
  session.announce_shutdown();
  EXPECT_EQ(output(), frame_of(7, 0, 0, std::string("\x7f\xff\xff\xff\0\0\0\0", 8)));
  say(frame_of(1, 5, 1, get_block()));  // it did not know yet
  session.shutdown();
  EXPECT_EQ(output(), frame_of(7, 0, 0, std::string("\0\0\0\1\0\0\0\0", 8)));
  EXPECT_FALSE(session.is_over());
  streams[0]->reply(204, fields, true);
  output();
  EXPECT_TRUE(streams[0]->was_closed);
  EXPECT_TRUE(session.is_over());
}

TEST_F(Http2Server, connect_with_a_length_is_refused_since_nobody_would_hold_the_client_to_it) {
  greet();
  const std::string plain = field_of(":method", "CONNECT") + field_of(":authority", "a.example:80");
  const std::string extended = field_of(":method", "CONNECT") + field_of(":protocol", "websocket") +
                               field_of(":scheme", "http") + field_of(":path", "/") +
                               field_of(":authority", "a.example");
  say(frame_of(1, 4, 1, plain + field_of("content-length", "0")) +
      frame_of(0, 0, 1, "GET /another HTTP/1.1\r\n\r\n"));
  say(frame_of(1, 4, 3, extended + field_of("content-length", "30")));
  say(frame_of(1, 4, 5, plain) + frame_of(1, 4, 7, extended));
  ASSERT_EQ(streams.size(), 4u);
  EXPECT_EQ(streams[0]->refusal(), 400);
  EXPECT_EQ(streams[1]->refusal(), 400);
  EXPECT_FALSE(streams[1]->is_tunnel());
  EXPECT_EQ(streams[2]->refusal(), 0);
  EXPECT_EQ(streams[3]->refusal(), 0);
  EXPECT_TRUE(streams[3]->is_tunnel());
}

TEST(Http2TokenBucket, is_full_at_first_and_filled_again_evenly) {
  TokenBucket bucket(3, 10);
  Instant now = Instant{} + seconds(5);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now));
  EXPECT_FALSE(bucket.take(now + milliseconds(50)));
  EXPECT_TRUE(bucket.take(now + milliseconds(100)));
  EXPECT_FALSE(bucket.take(now + milliseconds(100)));
  EXPECT_TRUE(bucket.take(now + seconds(3600)));
  EXPECT_TRUE(bucket.take(now + seconds(3600)));
  EXPECT_TRUE(bucket.take(now + seconds(3600)));
  EXPECT_FALSE(bucket.take(now + seconds(3600)));
}

TEST(Http2Memory, blocks_of_all_sizes_keep_their_bytes_when_they_grow) {
  Memory memory(1000);
  void* block = memory.allocate(10);
  std::fill_n(static_cast<char*>(block), 10, 'a');
  for (const size_t size : {20u, 100u, 5000u, 200'000u}) block = memory.reallocate(block, size);
  EXPECT_EQ(std::string(static_cast<char*>(block), 10), "aaaaaaaaaa");
  memory.free(block);
  EXPECT_LE(memory.kept_bytes(), 1000u);
  memory.free(nullptr);
}

}  // namespace
}  // namespace causeway::http2
