#include "router/upgrade/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace causeway::router {
namespace {

constexpr Duration kPatience = std::chrono::seconds(60);

struct Ends {
  Ends() : one(-1), other(-1) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    one = UpgradeChannel(ends[0]);
    other = UpgradeChannel(ends[1]);
  }
  UpgradeChannel one, other;
};

TEST(UpgradeChannelTest, messages_of_any_length_come_whole_and_apart) {
  Ends ends;
  std::thread writer([&ends] {
    for (const size_t size : {0u, 1u, 32'766u, 32'767u, 32'768u, 1'000'000u, 4u << 20}) {
      EXPECT_TRUE(ends.one.send(std::string(size, static_cast<char>('a' + size % 7))));
    }
  });
  for (const size_t size : {0u, 1u, 32'766u, 32'767u, 32'768u, 1'000'000u, 4u << 20}) {
    const auto got = ends.other.receive(kPatience);
    ASSERT_TRUE(got) << got.error().detail;
    EXPECT_TRUE(got->text == std::string(size, static_cast<char>('a' + size % 7))) << size;
    EXPECT_TRUE(got->sockets.empty());
  }
  writer.join();
}

TEST(UpgradeChannelTest, sockets_come_with_their_message) {
  Ends ends;
  std::vector<net::ListeningSocket> sent;
  for (size_t i = 0; i < kUpgradeSocketsMax; ++i) {
    sent.push_back(
        net::ListeningSocket::open(net::Address::loopback(0), {.reuse_port = true}).value());
  }
  ASSERT_TRUE(ends.one.send("with", sent));
  ASSERT_TRUE(ends.one.send("without"));
  const auto with = ends.other.receive(kPatience);
  ASSERT_TRUE(with) << with.error().detail;
  EXPECT_EQ(with->text, "with");
  ASSERT_EQ(with->sockets.size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(with->sockets[i].address(), sent[i].address());
    EXPECT_NE(with->sockets[i].descriptor(), sent[i].descriptor());
  }
  EXPECT_TRUE(ends.other.receive(kPatience)->sockets.empty());
}

TEST(UpgradeChannelTest, silence_an_end_and_nonsense_are_told_apart) {
  Ends ends;
  EXPECT_EQ(ends.other.receive(std::chrono::milliseconds(20)).error().fault, Fault::timeout);
  ASSERT_EQ(::send(ends.one.descriptor(), "?", 1, 0), 1);
  EXPECT_EQ(ends.other.receive(kPatience).error().fault, Fault::protocol);
  ASSERT_EQ(::send(ends.one.descriptor(), "mhalf", 5, 0), 5);
  ends.one = UpgradeChannel(-1);
  EXPECT_EQ(ends.other.receive(kPatience).error().fault, Fault::closed);
  EXPECT_EQ(ends.other.send("nobody hears").error().fault, Fault::closed);
}

TEST(UpgradeChannelTest, a_message_without_end_is_cut_off) {
  Ends ends;
  std::thread writer([&ends] {
    const std::string packet = "m" + std::string(32'000, 'x');
    while (::send(ends.one.descriptor(), packet.data(), packet.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  EXPECT_EQ(ends.other.receive(kPatience).error().fault, Fault::limit);
  ends.other = UpgradeChannel(-1);
  writer.join();
}

TEST(UpgradeChannelTest, a_peer_that_does_not_read_is_given_up) {
  Ends ends;
  Result<void> sent;
  while (sent) sent = ends.one.send(std::string(100'000, 'x'));
  EXPECT_EQ(sent.error().fault, Fault::timeout);
}

TEST(UpgradeChannelTest, the_user_at_the_other_end_is_known) {
  Ends ends;
  EXPECT_EQ(*ends.one.peer_user(), ::geteuid());
  EXPECT_EQ(UpgradeChannel::connect("/nonexistent/upgrade.sock").error().os, ENOENT);
  EXPECT_EQ(UpgradeChannel::connect("/" + std::string(200, 'x')).error().fault, Fault::invalid);
}

}  // namespace
}  // namespace causeway::router
