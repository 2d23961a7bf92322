#include "net/stream.h"

#include <optional>

#include "net/loop_core.h"
#include "net/loopback_test.h"

namespace causeway::net {

using loopback::no_delay_of;
using loopback::Pair;
using loopback::RawPair;
using loopback::RawPeer;
using loopback::Recorder;
using loopback::run_until;

TEST(StreamTest, carries_bytes_both_ways) {
  Loop loop;
  Pair pair(loop);
  pair.client.stream->write("hello");
  const std::string_view pieces[] = {"HTTP/1.1 ", "", "200", " OK"};
  pair.server.stream->write(pieces);
  EXPECT_TRUE(run_until(loop, [&] {
    return pair.server.bytes == "hello" && pair.client.bytes == "HTTP/1.1 200 OK";
  }));
  EXPECT_EQ(pair.client.stream->queued_bytes(), 0u);
}

TEST(StreamTest, sends_more_pieces_than_one_system_call_takes) {
  Loop loop;
  Pair pair(loop);
  std::vector<std::string> texts;
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += texts.emplace_back(std::to_string(i) + ",");
  const std::vector<std::string_view> pieces(texts.begin(), texts.end());
  pair.client.stream->write(pieces);
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.bytes.size() == expected.size(); }));
  EXPECT_EQ(pair.server.bytes, expected);
}

TEST(StreamTest, knows_both_ends_and_sends_without_delay) {
  Loop loop;
  Pair pair(loop);
  EXPECT_EQ(pair.client.stream->peer(), pair.listener->address());
  EXPECT_EQ(pair.server.stream->local(), pair.listener->address());
  EXPECT_EQ(pair.server.stream->peer(), pair.client.stream->local());
  EXPECT_EQ(no_delay_of(*pair.client.stream), 1);
  EXPECT_EQ(no_delay_of(*pair.server.stream), 1);
  EXPECT_EQ(&pair.client.stream->loop(), &loop);
}

TEST(StreamTest, writing_goes_on_after_the_peers_end) {
  Loop loop;
  Pair pair(loop);
  pair.client.stream->write("question");
  pair.client.stream->shutdown();
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.ends == 1; }));
  EXPECT_EQ(pair.server.bytes, "question");
  pair.server.stream->write("answer");
  pair.server.stream->shutdown();
  EXPECT_TRUE(run_until(loop, [&] { return pair.client.ends == 1; }));
  EXPECT_EQ(pair.client.bytes, "answer");
  EXPECT_EQ(pair.client.failures + pair.server.failures, 0);
}

TEST(StreamTest, end_comes_after_everything_queued) {
  Loop loop;
  Pair pair(loop);
  const std::string body(8 << 20, 'b');
  pair.client.stream->write(body);
  EXPECT_GT(pair.client.stream->queued_bytes(), 0u);
  pair.client.stream->shutdown();
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.ends == 1; }));
  EXPECT_EQ(pair.server.bytes.size(), body.size());
}

TEST(StreamTest, destruction_tells_the_peer_the_end) {
  Loop loop;
  Pair pair(loop);
  pair.client.stream.reset();
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.ends == 1; }));
  EXPECT_EQ(pair.server.failures, 0);
}

TEST(StreamTest, abort_on_close_resets_the_peer) {
  Loop loop;
  Pair pair(loop);
  pair.client.stream->write("part");
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.bytes == "part"; }));
  pair.client.stream->abort_on_close();
  pair.client.stream.reset();
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.failures == 1; }));
  EXPECT_EQ(pair.server.failure.fault, Fault::reset);
  EXPECT_EQ(pair.server.failure.side, Side::client);
  EXPECT_EQ(pair.server.ends, 0);
  pair.server.stream->write("ignored");
  loopback::settle(loop);
  EXPECT_EQ(pair.server.failures, 1);
}

TEST(StreamTest, a_write_to_a_reset_peer_fails_later_and_once) {
  Loop loop;
  RawPair pair(loop);
  pair.raw->reset();
  pair.server.stream->write("too late");
  pair.server.stream->write("again");
  EXPECT_EQ(pair.server.failures, 0);
  EXPECT_EQ(pair.server.stream->queued_bytes(), 0u);
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.failures > 0; }));
  loopback::settle(loop);
  EXPECT_EQ(pair.server.failures, 1);
  EXPECT_EQ(pair.server.ends, 0);
  EXPECT_EQ(pair.server.failure.fault, Fault::reset);
}

TEST(StreamTest, a_queued_write_to_a_reset_peer_fails_once) {
  Loop loop;
  RawPair pair(loop);
  pair.server.stream->write(std::string(16 << 20, 'x'));
  EXPECT_TRUE(pair.server.stream->is_full());
  pair.raw->reset();
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.failures > 0; }));
  loopback::settle(loop);
  EXPECT_EQ(pair.server.failures, 1);
  EXPECT_EQ(pair.server.drains, 0);
}

TEST(StreamTest, delivers_what_the_peer_said_before_it_broke_the_stream) {
  Loop loop;
  RawPair pair(loop);
  pair.server.stream->write("request body that nobody reads");
  pair.raw->send("HTTP/1.1 413");
  pair.raw->close();  // with unread bytes: a reset
  pair.server.stream->write("more of it");
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.failures + pair.server.ends > 0; }));
  EXPECT_EQ(pair.server.bytes, "HTTP/1.1 413");
  EXPECT_EQ(pair.server.failures, 1);
}

TEST(StreamTest, a_failure_before_anybody_listens_is_told_to_the_first_listener) {
  Loop loop;
  std::unique_ptr<Stream> stream;
  auto listener = Listener::open(loop, Address::loopback(0), [&](std::unique_ptr<Stream> accepted) {
                    stream = std::move(accepted);
                  }).value();
  RawPeer raw(listener->address());
  EXPECT_TRUE(run_until(loop, [&] { return stream != nullptr; }));
  raw.reset();
  stream->write("too late");
  loopback::settle(loop);
  Recorder recorder;
  recorder.take(std::move(stream));
  EXPECT_EQ(recorder.failures, 0);
  EXPECT_TRUE(run_until(loop, [&] { return recorder.failures == 1; }));
}

TEST(StreamTest, a_stream_may_end_while_its_failure_is_owed) {
  Loop loop;
  RawPair pair(loop);
  pair.raw->reset();
  pair.server.stream->write("too late");
  pair.server.stream.reset();
  loopback::settle(loop);
  EXPECT_EQ(pair.server.failures, 0);
}

TEST(StreamTest, a_paused_stream_keeps_its_bytes_until_resumed) {
  Loop loop;
  RawPair pair(loop);
  pair.server.stream->pause(Pause::exchange);
  pair.server.stream->pause(Pause::owner);
  pair.raw->send("pipelined");
  pair.raw->shutdown();
  loopback::settle(loop);
  pair.server.stream->resume(Pause::exchange);
  loopback::settle(loop);
  EXPECT_EQ(pair.server.bytes, "");
  EXPECT_EQ(pair.server.ends, 0);
  pair.server.stream->resume(Pause::owner);
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.ends == 1; }));
  EXPECT_EQ(pair.server.bytes, "pipelined");
}

TEST(StreamTest, a_paused_stream_still_tells_that_its_peer_has_gone) {
  Loop loop;
  RawPair leaves(loop);
  leaves.server.stream->pause(Pause::exchange);
  leaves.raw->close();
  EXPECT_TRUE(run_until(loop, [&] { return leaves.server.ends == 1; }));
  leaves.server.stream->resume(Pause::exchange);
  loopback::settle(loop);
  EXPECT_EQ(leaves.server.ends, 1);

  RawPair resets(loop);
  resets.server.stream->pause(Pause::exchange);
  resets.raw->reset();
  EXPECT_TRUE(run_until(loop, [&] { return resets.server.failures == 1; }));
}

TEST(StreamTest, a_client_that_resets_is_noticed_although_its_bytes_are_not_wanted) {
  for (const Pause reason : {Pause::peer_full, Pause::exchange}) {
    Loop loop;
    RawPair resets(loop);
    RawPair leaves(loop);
    for (RawPair* pair : {&resets, &leaves}) {
      pair->server.stream->pause(reason);
      pair->raw->send("more");
      loopback::settle(loop);
    }
    leaves.raw->shutdown();
    resets.raw->reset();
    EXPECT_TRUE(run_until(loop, [&] { return resets.server.failures == 1; }));
    EXPECT_EQ(resets.server.failure.fault, Fault::reset);
    EXPECT_EQ(resets.server.bytes, "");
    // Who only stops sending may still be told something.
    EXPECT_EQ(leaves.server.failures, 0);
    leaves.server.stream->resume(reason);
    EXPECT_TRUE(run_until(loop, [&] { return leaves.server.ends == 1; }));
    EXPECT_EQ(leaves.server.bytes, "more");
  }
}

TEST(StreamTest, a_client_that_resets_loses_nothing_where_its_bytes_are_wanted) {
  Loop loop;
  RawPair wanted(loop);
  RawPair unwanted(loop);
  for (RawPair* pair : {&wanted, &unwanted}) {
    pair->server.stream->pause(Pause::peer_full);
    pair->raw->send("more");
  }
  loopback::settle(loop);
  wanted.server.stream->pause(Pause::lossless);  // also when it is watched already
  wanted.server.stream->resume(Pause::peer_full);
  wanted.raw->reset();
  unwanted.raw->reset();
  EXPECT_TRUE(run_until(loop, [&] { return unwanted.server.failures == 1; }));
  loopback::settle(loop);
  EXPECT_EQ(wanted.server.failures, 0);
  wanted.server.stream->resume(Pause::lossless);
  EXPECT_TRUE(run_until(loop, [&] { return wanted.server.failures == 1; }));
  EXPECT_EQ(wanted.server.bytes, "more");
}

TEST(StreamTest, a_backends_last_bytes_outlive_its_reset) {
  Loop loop;
  Pair pair(loop);
  Recorder& backend = pair.client;
  backend.stream->pause(Pause::peer_full);
  pair.server.stream->write("reply");
  loopback::settle(loop);
  pair.server.stream->abort_on_close();
  pair.server.stream.reset();
  Timer later(loop);
  bool is_later = false;
  later.once(LoopCore::stalled_interval * 3, [&] { is_later = true; });
  EXPECT_TRUE(run_until(loop, [&] { return is_later; }));
  EXPECT_EQ(backend.failures, 0);
  backend.stream->resume(Pause::peer_full);
  EXPECT_TRUE(run_until(loop, [&] { return backend.failures == 1; }));
  EXPECT_EQ(backend.bytes, "reply");
}

TEST(StreamTest, another_listener_takes_over) {
  Loop loop;
  RawPair pair(loop);
  pair.raw->send("first");
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.bytes == "first"; }));
  Recorder second;
  second.take(std::move(pair.server.stream));
  pair.raw->send("second");
  EXPECT_TRUE(run_until(loop, [&] { return second.bytes == "second"; }));
  EXPECT_EQ(pair.server.bytes, "first");
}

TEST(StreamTest, a_stream_may_end_in_each_of_its_callbacks) {
  struct Suicide : Recorder {
    void on_read(std::span<char>) override { stream.reset(); }
    void on_end() override { stream.reset(); }
    void on_failure(const Error&) override { stream.reset(); }
    void on_drained() override { stream.reset(); }
  };
  Loop loop;
  auto with_victim = [&loop](auto scenario) {
    RawPair pair(loop);
    Suicide victim;
    victim.take(std::move(pair.server.stream));
    scenario(victim, *pair.raw);
    EXPECT_TRUE(run_until(loop, [&] { return victim.stream == nullptr; }));
    loopback::settle(loop);
  };
  with_victim([](Suicide&, RawPeer& raw) { raw.send(std::string(200000, 'x')); });
  with_victim([](Suicide&, RawPeer& raw) { raw.close(); });
  with_victim([](Suicide&, RawPeer& raw) { raw.reset(); });
  with_victim([](Suicide& victim, RawPeer& raw) {
    raw.reset();
    victim.stream->write("too late");
  });
  with_victim([&](Suicide& victim, RawPeer& raw) {
    victim.stream->write(std::string(8 << 20, 'x'));
    EXPECT_TRUE(victim.stream->is_full());
    EXPECT_TRUE(run_until(loop, [&] {
      raw.receive(1 << 20, MSG_DONTWAIT);
      loop.defer([] {});
      return victim.stream == nullptr;
    }));
  });
}

}  // namespace causeway::net
