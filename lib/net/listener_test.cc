// Listener, and DescriptorWatch beside it.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <optional>
#include <thread>

#include "net/descriptor.h"
#include "net/loopback_test.h"

namespace causeway::net {

using loopback::listen_quietly;
using loopback::RawPeer;
using loopback::Recorder;
using loopback::run_until;

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
  if (!listener) {  // a machine without IPv6
    EXPECT_EQ(listener.error().fault, Fault::unreachable) << to_string(listener.error());
    return;
  }
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

TEST(ListenerTest, refusing_new_ones_keeps_who_has_begun) {
  Loop loop;
  std::vector<std::unique_ptr<Stream>> accepted;
  auto listener = Listener::open(loop, Address::loopback(0), [&](std::unique_ptr<Stream> stream) {
                    accepted.push_back(std::move(stream));
                  }).value();
  std::vector<std::unique_ptr<RawPeer>> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(std::make_unique<RawPeer>(listener->address()));
  listener->refuse_new();
  std::optional<Result<std::unique_ptr<Stream>>> outcome;
  auto late = Connector::start(
      loop, listener->address(), {.timeout = std::chrono::milliseconds(200)},
      [&](Result<std::unique_ptr<Stream>> stream) { outcome = std::move(stream); });
  EXPECT_TRUE(run_until(loop, [&] { return accepted.size() == 10 && outcome; }));
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().fault,
            Fault::timeout);  // neither accepted nor refused: it tries again, elsewhere or here
  for (auto& stream : accepted) stream->write("served");
  for (auto& client : clients) EXPECT_EQ(client->receive(), "served");
  listener->drain();
  EXPECT_FALSE(RawPeer(listener->address()).is_connected());
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

// The descriptor of this process that listens on that port.
int listening_descriptor(uint16_t port) {
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    int listens = 0;
    socklen_t length = sizeof listens;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) != 0) continue;
    sockaddr_storage name{};
    socklen_t name_length = sizeof name;
    if (listens != 0 &&
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &name_length) == 0 &&
        Address::from(reinterpret_cast<const sockaddr*>(&name)).port() == port) {
      return descriptor;
    }
  }
  return -1;
}

TEST(ListenerTest, tells_of_a_socket_that_will_never_accept_again) {
  Loop loop;
  std::unique_ptr<Listener> listener;
  std::optional<Error> failed;
  Listener::Options options;
  options.on_failed = [&](const Error& error) {
    failed = error;
    listener.reset();  // it may
  };
  listener =
      Listener::open(loop, Address::loopback(0), options, [](std::unique_ptr<Stream>) {}).value();
  const uint16_t port = listener->address().port();
  ASSERT_EQ(::shutdown(listening_descriptor(port), SHUT_RDWR), 0);
  ASSERT_TRUE(run_until(loop, [&] { return failed.has_value(); }));
  EXPECT_EQ(failed->side, Side::self);
  EXPECT_NE(failed->detail.find(std::to_string(port)), std::string::npos);
}

TEST(ListenerTest, without_anybody_to_tell_it_tries_again_and_again) {
  Loop loop;
  auto listener =
      Listener::open(loop, Address::loopback(0), [](std::unique_ptr<Stream>) {}).value();
  ASSERT_EQ(::shutdown(listening_descriptor(listener->address().port()), SHUT_RDWR), 0);
  EXPECT_TRUE(run_until(loop, [&] { return listener->accept_rests() == 2; }));
}

TEST(ListenerTest, a_socket_goes_on_in_other_hands_with_those_who_wait_in_it) {
  Loop loop;
  auto first = Listener::open(loop, Address::loopback(0), [](std::unique_ptr<Stream>) {
                 FAIL() << "nobody runs its loop";
               }).value();
  const Address address = first->address();
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(client, address.socket_address(), address.length()), 0);
  auto copy = first->duplicate();
  ASSERT_TRUE(copy) << copy.error().detail;
  auto socket = ListeningSocket::adopt(copy->release());
  ASSERT_TRUE(socket) << socket.error().detail;
  EXPECT_EQ(socket->address(), address);
  first.reset();
  std::unique_ptr<Stream> accepted;
  Loop other;
  const auto second =
      Listener::open(other, *std::move(socket), {},
                     [&accepted](std::unique_ptr<Stream> stream) { accepted = std::move(stream); });
  EXPECT_TRUE(run_until(other, [&accepted] { return accepted != nullptr; }));
  EXPECT_EQ(second->address(), address);
  accepted.reset();
  ::close(client);
}

TEST(ListenerTest, what_does_not_listen_is_not_adopted) {
  const int plain = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto adopted = ListeningSocket::adopt(plain);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().fault, Fault::invalid);
  EXPECT_EQ(::fcntl(plain, F_GETFD), -1) << "it is closed";
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
  EXPECT_FALSE(ListeningSocket::adopt(ends[0]));
  ::close(ends[1]);
  EXPECT_FALSE(ListeningSocket::adopt(-1));
}

TEST(DescriptorWatchTest, calls_while_there_is_something_to_read_and_may_end_in_its_callback) {
  Loop loop;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  std::string read;
  std::unique_ptr<DescriptorWatch> watch;
  watch = std::make_unique<DescriptorWatch>(loop, ends[0], [&, tail = std::string(100, 't')] {
    char letter = 0;
    EXPECT_EQ(::recv(ends[0], &letter, 1, 0), 1);
    read += letter;
    if (letter == 'c') {
      watch.reset();
      read += tail[0];
    }
  });
  for (const char letter : {'a', 'b', 'c', 'd'}) EXPECT_EQ(::send(ends[1], &letter, 1, 0), 1);
  loop.run();
  EXPECT_EQ(read, "abct");
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace causeway::net
