// Connector and Resolver.

#include <netinet/tcp.h>

#include <optional>

#include "net/loopback_test.h"

namespace causeway::net {

using loopback::listen_quietly;
using loopback::no_delay_of;
using loopback::RawPeer;
using loopback::RefusingPort;
using loopback::run_until;

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
