#include "router/tcp/tcp_router.h"

#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/proxy_header.h"
#include "test/support/fake_backend.h"
#include "test/support/tcp_under_test.h"

namespace causeway::router {
namespace {

using std::chrono::milliseconds;
using test::eventually;
using test::FakeBackend;
using test::RawSocket;

// Sends back what it hears; the client's end is answered with its own.
void echo(RawSocket& peer, size_t) {
  for (std::string bytes = peer.receive(); !bytes.empty(); bytes = peer.receive()) {
    if (!peer.send(bytes)) return;
  }
}

// A backend that says its name first.
FakeBackend::Serve says(std::string name) {
  return [name](RawSocket& peer, size_t index) {
    peer.send(name);
    echo(peer, index);
  };
}

std::string pattern(size_t bytes) {
  std::string text(bytes, '\0');
  uint32_t state = 12345;
  for (char& c : text) {
    state = state * 1664525u + 1013904223u;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

TEST(TcpRouterTest, bytes_go_both_ways_and_the_end_is_passed_on) {
  FakeBackend backend(echo);
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket client = RawSocket::connect(port);
  ASSERT_TRUE(client.send("hello"));
  EXPECT_EQ(client.receive_exactly(5), "hello");
  ASSERT_TRUE(client.send("again"));
  EXPECT_EQ(client.receive_exactly(5), "again");
  client.half_close();
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_FALSE(client.was_reset());
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 0));
  EXPECT_EQ(tcp.count("tcp_client_bytes"), 10u);
  EXPECT_EQ(tcp.count("tcp_backend_bytes"), 10u);
  EXPECT_EQ(tcp.count("tcp_connections"), 1u);
}

TEST(TcpRouterTest, a_client_that_has_said_its_last_still_hears_the_answer) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    const std::string all = peer.receive_all();
    peer.send("heard " + std::to_string(all.size()));
  });
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket client = RawSocket::connect(port);
  ASSERT_TRUE(client.send(std::string(100'000, 'x')));
  client.half_close();
  EXPECT_EQ(client.receive_all(), "heard 100000");
  EXPECT_FALSE(client.was_reset());
}

TEST(TcpRouterTest, a_backend_that_has_said_its_last_still_hears_the_client) {
  std::atomic<size_t> heard{0};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    peer.send("bye");
    peer.half_close();
    heard = peer.receive_all().size();
  });
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket client = RawSocket::connect(port);
  EXPECT_EQ(client.receive_all(), "bye");
  ASSERT_TRUE(client.send(std::string(50'000, 'x')));
  client.half_close();
  EXPECT_TRUE(eventually([&] { return heard == 50'000; }));
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 0));
}

TEST(TcpRouterTest, bulk_is_whole_both_ways_at_once) {
  FakeBackend backend(echo);
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  const std::string sent = pattern(24 << 20);
  RawSocket client = RawSocket::connect(port);
  std::thread writer([&] {
    EXPECT_TRUE(client.send(sent));
    client.half_close();
  });
  const std::string heard = client.receive_all();
  writer.join();
  EXPECT_EQ(heard.size(), sent.size());
  EXPECT_TRUE(heard == sent);
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 0));
  EXPECT_EQ(tcp.count("tcp_backend_bytes"), sent.size());
}

TEST(TcpRouterTest, without_pipes_bulk_is_copied) {
  FakeBackend backend(echo);
  TcpSettings settings;
  settings.pipes_max = 0;
  TcpUnderTest tcp(settings);
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  const std::string sent = pattern(4 << 20);
  RawSocket client = RawSocket::connect(port);
  std::thread writer([&] {
    EXPECT_TRUE(client.send(sent));
    client.half_close();
  });
  EXPECT_TRUE(client.receive_all() == sent);
  writer.join();
  EXPECT_EQ(tcp.count("tcp_pipes_open"), 0u);
}

// A router with two workers hands its ports to one with a single worker, which gets both sockets.
TEST(TcpRouterTest, ports_go_to_another_router_with_those_who_wait_in_them) {
  FakeBackend backend(says("hello"));
  TcpUnderTest old({}, 2);
  const uint16_t port = free_port();
  old.add(port, backend.port());
  ASSERT_TRUE(eventually([&] { return old.router->duplicate_sockets().size() == 2; }));
  TcpUnderTest next({}, 1, /*serves=*/false);
  std::vector<net::ListeningSocket> sockets = old.router->duplicate_sockets();
  for (const auto& [payload, age] : old.router->known()) next.router->take_known(payload, age);
  next.router->inherit([&sockets](const net::Address& address) {
    std::optional<net::ListeningSocket> found;
    if (!sockets.empty() && sockets.back().address() == address) {
      found = std::move(sockets.back());
      sockets.pop_back();
    }
    return found;
  });
  EXPECT_TRUE(sockets.empty());
  old.router->leave_sockets();
  old.stop();
  // Nobody accepts just now, and nobody is refused.
  std::vector<RawSocket> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(RawSocket::connect(port));
  next.router->serve([] { return true; });
  for (RawSocket& client : clients) EXPECT_EQ(client.receive_exactly(5), "hello");
  next.remove(port, backend.port());
  EXPECT_TRUE(TcpUnderTest::refuses(port));
}

TEST(TcpRouterTest, instances_are_told_of_their_client_first) {
  for (const net::ProxyVersion version : {net::ProxyVersion::v1, net::ProxyVersion::v2}) {
    FakeBackend backend(echo);
    TcpSettings settings;
    settings.sent_proxy_header = version;
    TcpUnderTest tcp(settings);
    const uint16_t port = free_port();
    tcp.add(port, backend.port());
    RawSocket client = RawSocket::connect(port);
    ASSERT_TRUE(client.send("hello"));
    client.half_close();
    const std::string heard = client.receive_all();
    net::ProxyHeaderReader reader;
    const auto fed = reader.feed(heard);
    ASSERT_EQ(fed.step, net::ProxyHeaderReader::Step::done) << heard;
    EXPECT_EQ(reader.header().client, net::Address::loopback(client.local_port()));
    EXPECT_EQ(reader.header().server, net::Address::loopback(port));
    EXPECT_EQ(heard.substr(fed.taken), "hello");
    EXPECT_EQ(heard.starts_with("PROXY TCP4 "), version == net::ProxyVersion::v1);
    EXPECT_EQ(tcp.count("tcp_client_bytes"), 5u) << "the header is no byte of the client's";
  }
}

TEST(TcpRouterTest, a_slow_reader_stops_its_writer_and_loses_nothing) {
  const std::string sent = pattern(32 << 20);
  std::atomic<size_t> taken{0};
  FakeBackend backend([&](RawSocket& peer, size_t) {
    for (size_t at = 0; at < sent.size(); at += 65536) {
      if (!peer.send(sent.substr(at, 65536))) return;
      taken = at + 65536;
    }
  });
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket client = RawSocket::connect(port);
  // Until it is stuck: no progress for a while.
  size_t before = 0;
  Instant since = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] {
    const Instant now = std::chrono::steady_clock::now();
    if (const size_t present = taken; present != before) {
      before = present;
      since = now;
    }
    return before > 0 && now - since > milliseconds(500);
  }));
  EXPECT_LT(taken, sent.size());
  EXPECT_TRUE(client.receive_all() == sent);
  client.close();
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 0));
}

TEST(TcpRouterTest, connections_go_to_the_instances_in_turn) {
  FakeBackend a(says("a")), b(says("b")), c(says("c"));
  TcpUnderTest tcp({}, 1);
  const uint16_t port = free_port();
  for (const FakeBackend* backend : {&a, &b, &c}) tcp.add(port, backend->port());
  std::map<std::string, int> seen;
  for (int i = 0; i < 9; ++i) ++seen[RawSocket::connect(port).receive_exactly(1)];
  EXPECT_EQ(seen, (std::map<std::string, int>{{"a", 3}, {"b", 3}, {"c", 3}}));
}

TEST(TcpRouterTest, a_dead_instance_is_passed_over) {
  test::ClosedPort dead;
  FakeBackend alive(says("a"));
  TcpUnderTest tcp({}, 1);
  const uint16_t port = free_port();
  tcp.add(port, dead.port());
  tcp.add(port, alive.port());
  for (int i = 0; i < 6; ++i) EXPECT_EQ(RawSocket::connect(port).receive_exactly(1), "a");
  // Marked after the first failure: not dialled again by the others.
  EXPECT_EQ(tcp.count("tcp_dial_failures"), 1u);
  EXPECT_EQ(tcp.count("tcp_connections_failed"), 0u);
}

TEST(TcpRouterTest, an_instance_that_was_marked_is_tried_when_all_are) {
  auto dead = std::make_unique<test::ClosedPort>();
  TcpUnderTest tcp({}, 1);
  const uint16_t port = free_port();
  tcp.add(port, dead->port());
  RawSocket client = RawSocket::connect(port);
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_TRUE(client.was_reset());
  EXPECT_TRUE(tcp.sees("tcp_connections_failed", 1));
  FakeBackend alive(says("a"));
  tcp.add(port, alive.port());
  tcp.remove(port, dead->port());
  EXPECT_EQ(RawSocket::connect(port).receive_exactly(1), "a");
}

TEST(TcpRouterTest, an_instance_that_does_not_answer_is_given_up_in_time) {
  // A listener whose queue is full takes no more connections: dialling it lasts.
  const int full = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const net::Address any = net::Address::loopback(0);
  ASSERT_EQ(::bind(full, any.socket_address(), any.length()), 0);
  ASSERT_EQ(::listen(full, 0), 0);
  sockaddr_in name{};
  socklen_t length = sizeof name;
  ASSERT_EQ(::getsockname(full, reinterpret_cast<sockaddr*>(&name), &length), 0);
  const uint16_t full_port = ntohs(name.sin_port);
  std::vector<Socket> fill;
  for (int i = 0; i < 4; ++i) {
    auto socket = begin_connecting(net::Address::loopback(full_port));
    ASSERT_TRUE(socket);
    fill.push_back(*std::move(socket));
  }
  FakeBackend alive(says("a"));
  TcpSettings settings;
  settings.connect_timeout = milliseconds(1000);
  TcpUnderTest tcp(settings, 1);
  const uint16_t port = free_port();
  tcp.add(port, full_port);
  tcp.add(port, alive.port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(RawSocket::connect(port).receive_exactly(1), "a");
  EXPECT_EQ(tcp.count("tcp_dial_failures"), 1u);
  ::close(full);
}

TEST(TcpRouterTest, a_change_of_the_route_does_not_touch_open_connections) {
  FakeBackend a(says("a")), b(says("b"));
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, a.port());
  RawSocket client = RawSocket::connect(port);
  EXPECT_EQ(client.receive_exactly(1), "a");
  tcp.add(port, b.port());
  tcp.remove(port, a.port());
  // Until the change has arrived at all workers.
  ASSERT_TRUE(eventually([&] {
    for (int i = 0; i < 20; ++i) {
      if (RawSocket::connect(port).receive_exactly(1) != "b") return false;
    }
    return true;
  }));
  ASSERT_TRUE(client.send("still"));
  EXPECT_EQ(client.receive_exactly(5), "still");
  // The last instance goes: no more connections, the open one stays.
  tcp.remove(port, b.port());
  ASSERT_TRUE(tcp.refuses(port));
  ASSERT_TRUE(client.send("there"));
  EXPECT_EQ(client.receive_exactly(5), "there");
  // And comes back at once.
  tcp.add(port, b.port());
  ASSERT_TRUE(eventually([&] { return tcp.count("tcp_ports_open") == 1; }));
  EXPECT_EQ(RawSocket::connect(port).receive_exactly(1), "b");
}

TEST(TcpRouterTest, a_port_that_is_taken_is_tried_again) {
  const uint16_t port = free_port();
  auto taken = open_listener(net::Address::any(port));
  ASSERT_TRUE(taken);
  FakeBackend backend(says("a"));
  TcpSettings settings;
  settings.port_retry_interval = milliseconds(20);
  TcpUnderTest tcp(settings);
  tcp.add(port, backend.port());
  EXPECT_GE(tcp.count("tcp_port_failures"), 1u);
  EXPECT_EQ(tcp.count("tcp_ports_open"), 0u);
  taken->close();
  ASSERT_TRUE(eventually([&] {
    tcp.loop.run_once(false);
    return tcp.count("tcp_ports_open") == 1;
  }));
  EXPECT_EQ(RawSocket::connect(port).receive_exactly(1), "a");
}

TEST(TcpRouterTest, a_reset_is_passed_on) {
  std::atomic<bool> backend_saw_reset{false};
  FakeBackend backend([&](RawSocket& peer, size_t index) {
    peer.send("x");
    if (index == 0) {
      peer.receive_all();
      backend_saw_reset = peer.was_reset();
    } else {
      peer.receive_exactly(1);
      peer.reset();
    }
  });
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket client = RawSocket::connect(port);
  EXPECT_EQ(client.receive_exactly(1), "x");
  client.reset();
  EXPECT_TRUE(eventually([&] { return backend_saw_reset.load(); }));
  RawSocket second = RawSocket::connect(port);
  EXPECT_EQ(second.receive_exactly(1), "x");
  ASSERT_TRUE(second.send("y"));
  EXPECT_EQ(second.receive_all(), "");
  EXPECT_TRUE(second.was_reset());
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 0));
}

TEST(TcpRouterTest, a_connection_without_bytes_is_cut) {
  FakeBackend backend(echo);
  TcpSettings settings;
  settings.idle_timeout = milliseconds(1000);
  TcpUnderTest tcp(settings);
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket client = RawSocket::connect(port);
  ASSERT_TRUE(client.send("x"));
  EXPECT_EQ(client.receive_exactly(1), "x");
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_TRUE(client.was_reset());
  EXPECT_TRUE(tcp.sees("tcp_connections_idle", 1));
}

TEST(TcpRouterTest, connections_over_the_limit_are_reset) {
  FakeBackend backend(says("a"));
  TcpSettings settings;
  settings.connections_max = 2;
  TcpUnderTest tcp(settings, 1);
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket one = RawSocket::connect(port), two = RawSocket::connect(port);
  EXPECT_EQ(one.receive_exactly(1), "a");
  EXPECT_EQ(two.receive_exactly(1), "a");
  RawSocket three = RawSocket::connect(port);
  EXPECT_EQ(three.receive_all(), "");
  EXPECT_TRUE(tcp.sees("tcp_connections_refused", 1));
  one.close();
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 1));
  EXPECT_EQ(RawSocket::connect(port).receive_exactly(1), "a");
}

TEST(TcpRouterTest, drain_waits_for_open_connections_and_cuts_what_is_left) {
  FakeBackend backend(says("a"));
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket ends = RawSocket::connect(port), stays = RawSocket::connect(port);
  EXPECT_EQ(ends.receive_exactly(1), "a");
  EXPECT_EQ(stays.receive_exactly(1), "a");
  std::atomic<size_t> drained{0}, cut{0};
  tcp.router->drain(std::chrono::seconds(2), [&](size_t count) {
    cut += count;
    ++drained;
  });
  ASSERT_TRUE(tcp.refuses(port));
  ASSERT_TRUE(ends.send("done"));
  EXPECT_EQ(ends.receive_exactly(4), "done");
  ends.half_close();
  EXPECT_EQ(ends.receive_all(), "");
  EXPECT_FALSE(ends.was_reset());
  ASSERT_TRUE(eventually([&] { return drained == 2; }));
  EXPECT_EQ(cut, 1u);
  EXPECT_EQ(stays.receive_all(), "");
  EXPECT_TRUE(stays.was_reset());
}

TEST(TcpRouterTest, a_drain_without_connections_is_over_at_once) {
  TcpUnderTest tcp;
  std::atomic<size_t> drained{0};
  tcp.router->drain(std::chrono::hours(1), [&](size_t) { ++drained; });
  EXPECT_TRUE(eventually([&] { return drained == 2; }));
}

TEST(TcpRouterTest, malformed_messages_and_refused_routes_are_counted) {
  TcpSettings settings;
  settings.reservable_ports = {{20'000, 32'000}};
  TcpUnderTest tcp(settings);
  tcp.router->take("router.tcp.register", "not JSON");
  tcp.router->take("router.tcp.register", R"({"external_port":1,"host":"127.0.0.1"})");
  tcp.router->take("router.tcp.other", "not JSON");
  tcp.add(19'999, 1);
  EXPECT_EQ(tcp.count("tcp_route_messages_malformed"), 2u);
  EXPECT_EQ(tcp.count("tcp_routes_refused"), 1u);
  EXPECT_EQ(tcp.count("tcp_ports_open"), 0u);
}

TEST(TcpRouterTest, many_short_connections_leave_nothing_behind) {
  FakeBackend backend([](RawSocket& peer, size_t) { peer.send(peer.receive_exactly(3)); });
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    clients.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        RawSocket client = RawSocket::connect(port);
        if (i % 5 == t) {
          client.send("ab");
          client.reset();  // half-way
          continue;
        }
        client.send("abc");
        if (client.receive_all() == "abc") ++good;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 4 * 40);
  EXPECT_TRUE(tcp.sees("tcp_connections_open", 0));
}

TEST(TcpRouterTest, the_end_of_the_router_ends_its_connections) {
  FakeBackend backend(says("a"));
  TcpUnderTest tcp;
  const uint16_t port = free_port();
  tcp.add(port, backend.port());
  RawSocket client = RawSocket::connect(port);
  EXPECT_EQ(client.receive_exactly(1), "a");
  tcp.stop();
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_TRUE(client.was_reset());
}

}  // namespace
}  // namespace causeway::router
