#include "net/tcp.h"

#include <netinet/tcp.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "net/loopback_test.h"

namespace causeway::net {

using loopback::Pair;
using loopback::RawPair;
using loopback::RawPeer;
using loopback::Recorder;
using loopback::run_until;

namespace {

// A port of loopback that refuses connections while this lives: bound, not listening.
struct RefusingPort {
  RefusingPort() {
    descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const Address any_port = Address::loopback(0);
    EXPECT_EQ(::bind(descriptor, any_port.socket_address(), any_port.length()), 0);
    sockaddr_storage name{};
    socklen_t length = sizeof name;
    EXPECT_EQ(::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &length), 0);
    address = Address::from(reinterpret_cast<sockaddr*>(&name));
  }
  ~RefusingPort() { ::close(descriptor); }
  int descriptor;
  Address address;
};

int no_delay_of(Stream& stream) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(stream.descriptor(), IPPROTO_TCP, TCP_NODELAY, &value, &length), 0);
  return value != 0;
}

std::unique_ptr<Listener> listen_quietly(Loop& loop) {
  return Listener::open(loop, Address::loopback(0), [](std::unique_ptr<Stream>) {}).value();
}

}  // namespace

TEST(TcpTest, carries_bytes_both_ways) {
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

TEST(TcpTest, sends_more_pieces_than_one_system_call_takes) {
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

TEST(TcpTest, knows_both_ends_and_sends_without_delay) {
  Loop loop;
  Pair pair(loop);
  EXPECT_EQ(pair.client.stream->peer(), pair.listener->address());
  EXPECT_EQ(pair.server.stream->local(), pair.listener->address());
  EXPECT_EQ(pair.server.stream->peer(), pair.client.stream->local());
  EXPECT_EQ(no_delay_of(*pair.client.stream), 1);
  EXPECT_EQ(no_delay_of(*pair.server.stream), 1);
  EXPECT_EQ(&pair.client.stream->loop(), &loop);
}

TEST(TcpTest, writing_goes_on_after_the_peers_end) {
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

TEST(TcpTest, end_comes_after_everything_queued) {
  Loop loop;
  Pair pair(loop);
  const std::string body(8 << 20, 'b');
  pair.client.stream->write(body);
  EXPECT_GT(pair.client.stream->queued_bytes(), 0u);
  pair.client.stream->shutdown();
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.ends == 1; }));
  EXPECT_EQ(pair.server.bytes.size(), body.size());
}

TEST(TcpTest, destruction_tells_the_peer_the_end) {
  Loop loop;
  Pair pair(loop);
  pair.client.stream.reset();
  EXPECT_TRUE(run_until(loop, [&] { return pair.server.ends == 1; }));
  EXPECT_EQ(pair.server.failures, 0);
}

TEST(TcpTest, abort_on_close_resets_the_peer) {
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

TEST(TcpTest, a_write_to_a_reset_peer_fails_later_and_once) {
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

TEST(TcpTest, a_queued_write_to_a_reset_peer_fails_once) {
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

TEST(TcpTest, delivers_what_the_peer_said_before_it_broke_the_stream) {
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

TEST(TcpTest, a_failure_before_anybody_listens_is_told_to_the_first_listener) {
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

TEST(TcpTest, a_stream_may_end_while_its_failure_is_owed) {
  Loop loop;
  RawPair pair(loop);
  pair.raw->reset();
  pair.server.stream->write("too late");
  pair.server.stream.reset();
  loopback::settle(loop);
  EXPECT_EQ(pair.server.failures, 0);
}

TEST(TcpTest, a_paused_stream_keeps_its_bytes_until_resumed) {
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

TEST(TcpTest, a_paused_stream_still_tells_that_its_peer_has_gone) {
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

TEST(TcpTest, another_listener_takes_over) {
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

TEST(TcpTest, a_stream_may_end_in_each_of_its_callbacks) {
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

TEST(ConnectorTest, a_refused_connection_is_told_from_the_loop) {
  Loop loop;
  RefusingPort port;
  std::optional<Error> error;
  auto connector =
      Connector::start(loop, port.address, {}, [&](Result<std::unique_ptr<Stream>> connected) {
        ASSERT_FALSE(connected);
        error = connected.error();
      });
  EXPECT_FALSE(error);
  EXPECT_TRUE(run_until(loop, [&] { return error.has_value(); }));
  EXPECT_EQ(error->fault, Fault::refused);
  EXPECT_EQ(error->side, Side::backend);
  EXPECT_EQ(error->retry, Retry::always);
  EXPECT_EQ(error->os, ECONNREFUSED);
}

TEST(ConnectorTest, a_full_backlog_times_out) {
  Loop loop;
  const int deaf = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const Address any_port = Address::loopback(0);
  ASSERT_EQ(::bind(deaf, any_port.socket_address(), any_port.length()), 0);
  ASSERT_EQ(::listen(deaf, 0), 0);
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  ASSERT_EQ(::getsockname(deaf, reinterpret_cast<sockaddr*>(&name), &length), 0);
  const Address address = Address::from(reinterpret_cast<sockaddr*>(&name));
  std::vector<std::unique_ptr<RawPeer>> fillers;
  do {
    ASSERT_LT(fillers.size(), 16u);
    fillers.push_back(std::make_unique<RawPeer>(address, false));
  } while (fillers.back()->connects_within(500));

  std::optional<Error> error;
  auto connector = Connector::start(loop, address, {.timeout = Milliseconds(50)},
                                    [&](Result<std::unique_ptr<Stream>> connected) {
                                      ASSERT_FALSE(connected);
                                      error = connected.error();
                                    });
  EXPECT_TRUE(run_until(loop, [&] { return error.has_value(); }));
  EXPECT_EQ(error->fault, Fault::timeout);
  ::close(deaf);
}

TEST(ConnectorTest, ending_it_cancels_the_attempt) {
  Loop loop;
  auto listener = listen_quietly(loop);
  const auto never = [](Result<std::unique_ptr<Stream>>) { FAIL(); };
  Connector::start(loop, listener->address(), {}, never);
  Connector::start(loop, Address::parse("::", 1).value(), {}, never);
  RefusingPort port;
  auto connector = Connector::start(loop, port.address, {}, never);
  connector.reset();
  loopback::settle(loop);
}

TEST(ConnectorTest, may_end_in_its_own_callback) {
  Loop loop;
  RefusingPort port;
  auto listener = listen_quietly(loop);
  for (const Address& address : {port.address, listener->address()}) {
    std::unique_ptr<Connector> connector;
    bool is_over = false;
    connector = Connector::start(loop, address, {}, [&](Result<std::unique_ptr<Stream>>) {
      connector.reset();
      is_over = true;
    });
    EXPECT_TRUE(run_until(loop, [&] { return is_over; }));
  }
}

TEST(ConnectorTest, sets_the_keep_alive_probe) {
  Loop loop;
  auto listener = listen_quietly(loop);
  std::unique_ptr<Stream> stream;
  auto connector = Connector::start(
      loop, listener->address(), {.no_delay = false, .keep_alive_probe = Milliseconds(29500)},
      [&](Result<std::unique_ptr<Stream>> connected) { stream = std::move(connected).value(); });
  EXPECT_TRUE(run_until(loop, [&] { return stream != nullptr; }));
  int seconds = 0;
  socklen_t length = sizeof seconds;
  EXPECT_EQ(::getsockopt(stream->descriptor(), IPPROTO_TCP, TCP_KEEPIDLE, &seconds, &length), 0);
  EXPECT_EQ(seconds, 30);
  EXPECT_EQ(no_delay_of(*stream), 0);
}

TEST(ListenerTest, a_taken_port_exists_already) {
  Loop loop;
  auto first = listen_quietly(loop);
  EXPECT_NE(first->address().port(), 0);
  const auto second = Listener::open(loop, first->address(), [](std::unique_ptr<Stream>) {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::exists);
  EXPECT_EQ(second.error().os, EADDRINUSE);
  EXPECT_NE(second.error().detail.find(first->address().to_string()), std::string::npos);
}

TEST(ListenerTest, an_address_of_another_machine_cannot_be_bound) {
  Loop loop;
  const auto opened =
      Listener::open(loop, Address::parse("192.0.2.1", 0).value(), [](std::unique_ptr<Stream>) {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::unreachable);
}

TEST(ListenerTest, listens_on_version_six) {
  Loop loop;
  std::unique_ptr<Stream> accepted, connected;
  auto listener =
      Listener::open(loop, Address::parse("::1", 0).value(),
                     [&](std::unique_ptr<Stream> stream) { accepted = std::move(stream); });
  if (!listener) GTEST_SKIP() << "no IPv6 here: " << to_string(listener.error());
  auto connector = Connector::start(
      loop, listener.value()->address(), {},
      [&](Result<std::unique_ptr<Stream>> stream) { connected = std::move(stream).value(); });
  EXPECT_TRUE(run_until(loop, [&] { return accepted && connected; }));
  EXPECT_EQ(accepted->peer(), connected->local());
  EXPECT_TRUE(accepted->peer().is_v6());
}

TEST(ListenerTest, two_loops_share_a_port) {
  constexpr int clients = 200;
  std::atomic<int> accepted[2] = {0, 0};
  Loop loops[2];
  std::unique_ptr<Listener> listeners[2];
  Address address = Address::loopback(0);
  for (size_t i = 0; i < 2; ++i) {
    auto opened = Listener::open(loops[i], address, {.reuse_port = true},
                                 [&accepted, i](std::unique_ptr<Stream>) { ++accepted[i]; });
    listeners[i] = std::move(opened).value();
    address = listeners[i]->address();
  }
  std::vector<std::thread> workers;
  for (size_t i = 0; i < 2; ++i) {
    workers.emplace_back([&, i] {
      EXPECT_TRUE(run_until(loops[i], [&] {
        loops[i].defer([] {});
        std::this_thread::yield();
        return accepted[0] + accepted[1] == clients;
      }));
      listeners[i].reset();
    });
  }
  for (int client = 0; client < clients; ++client) EXPECT_TRUE(RawPeer(address).is_connected());
  for (std::thread& worker : workers) worker.join();
  EXPECT_GT(accepted[0], 0);
  EXPECT_GT(accepted[1], 0);
}

TEST(ListenerTest, draining_hands_out_who_waits_and_closes) {
  Loop loop;
  std::vector<std::unique_ptr<Stream>> accepted;
  auto listener = Listener::open(loop, Address::loopback(0), [&](std::unique_ptr<Stream> stream) {
                    accepted.push_back(std::move(stream));
                  }).value();
  std::vector<std::unique_ptr<RawPeer>> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(std::make_unique<RawPeer>(listener->address()));
  EXPECT_TRUE(accepted.empty());
  listener->drain();
  EXPECT_EQ(accepted.size(), clients.size());
  EXPECT_FALSE(RawPeer(listener->address()).is_connected());
  for (auto& stream : accepted) stream->write("served");
  for (auto& client : clients) EXPECT_EQ(client->receive(), "served");
  listener->drain();
  loop.run();
}

TEST(ListenerTest, may_end_in_its_own_callback) {
  Loop loop;
  for (const bool drains : {false, true}) {
    std::unique_ptr<Listener> listener;
    int accepted = 0;
    listener = Listener::open(loop, Address::loopback(0), [&](std::unique_ptr<Stream>) {
                 ++accepted;
                 listener.reset();
               }).value();
    RawPeer first(listener->address()), second(listener->address());
    if (drains) {
      listener->drain();
    } else {
      EXPECT_TRUE(run_until(loop, [&] { return accepted > 0; }));
    }
    loopback::settle(loop);
    EXPECT_EQ(accepted, 1);
  }
}

TEST(ListenerTest, rests_without_descriptors_and_loses_nobody) {
  Loop loop;
  std::unique_ptr<Stream> accepted;
  auto listener = Listener::open(loop, Address::loopback(0), [&](std::unique_ptr<Stream> stream) {
                    accepted = std::move(stream);
                  }).value();
  RawPeer client(listener->address());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  int lowest_free = ::dup(client.descriptor());
  ::close(lowest_free);
  rlimit none_left = before;
  none_left.rlim_cur = static_cast<rlim_t>(lowest_free);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
  EXPECT_TRUE(run_until(loop, [&] { return listener->accept_rests() == 2; }));
  EXPECT_EQ(accepted, nullptr);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(run_until(loop, [&] { return accepted != nullptr; }));
  client.send("still here");
  Recorder recorder;
  recorder.take(std::move(accepted));
  EXPECT_TRUE(run_until(loop, [&] { return recorder.bytes == "still here"; }));
}

TEST(ResolverTest, answers_numeric_hosts_from_the_loop) {
  Loop loop;
  for (const char* host : {"127.0.0.1", "::1"}) {
    std::optional<Address> address;
    auto resolver = Resolver::start(
        loop, host, 80, [&](Result<Address> found) { address = std::move(found).value(); });
    EXPECT_FALSE(address);
    EXPECT_TRUE(run_until(loop, [&] { return address.has_value(); }));
    EXPECT_EQ(*address, Address::parse(host, 80).value());
  }
}

TEST(ResolverTest, finds_localhost) {
  Loop loop;
  std::optional<Address> address;
  std::unique_ptr<Resolver> resolver;
  resolver = Resolver::start(loop, "localhost", 8080, [&](Result<Address> found) {
    address = std::move(found).value();
    resolver.reset();
  });
  EXPECT_TRUE(run_until(loop, [&] { return address.has_value(); }));
  EXPECT_EQ(*address, Address::loopback(8080));
}

TEST(ResolverTest, a_name_that_cannot_be_is_unreachable) {
  Loop loop;
  for (const std::string& host :
       {std::string("not a host name"), std::string(400, 'a'), std::string()}) {
    std::optional<Error> error;
    auto resolver = Resolver::start(loop, host, 80, [&](Result<Address> found) {
      ASSERT_FALSE(found) << host;
      error = found.error();
    });
    EXPECT_FALSE(error);
    EXPECT_TRUE(run_until(loop, [&] { return error.has_value(); }));
    EXPECT_EQ(error->fault, Fault::unreachable);
    EXPECT_NE(error->detail.find(host), std::string::npos);
  }
}

TEST(ResolverTest, ending_it_cancels_the_lookup) {
  Loop loop;
  for (int i = 0; i < 20; ++i) {
    Resolver::start(loop, i % 2 == 0 ? "localhost" : "127.0.0.1", 80,
                    [](Result<Address>) { FAIL(); });
  }
  loop.run();
}

}  // namespace causeway::net
