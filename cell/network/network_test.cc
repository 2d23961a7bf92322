#include "cell/network/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "cell/runtime/program.h"

namespace causeway::network {
namespace {

// Real links, a real nft table and a network namespace held by a file, all marked by this process.
// Needs root.
class RealNetwork : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "needs root: it makes network namespaces, links and nft tables";
    char pattern[] = "/tmp/causeway-network.XXXXXX";
    folder_ = ::mkdtemp(pattern);
    namespace_ = folder_ + "/net";
    std::ofstream(namespace_).close();
    std::thread([this] {
      ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
      ASSERT_EQ(::mount("/proc/thread-self/ns/net", namespace_.c_str(), nullptr, MS_BIND, nullptr),
                0);
    }).join();
    auto made = Network::make({.seed = "network-test " + folder_, .subnet = {}});
    ASSERT_TRUE(made) << to_string(made.error());
    network_ = *std::move(made);
    const Result<void> up = network_->set_up({});
    ASSERT_TRUE(up) << to_string(up.error());
  }

  void TearDown() override {
    if (network_) {
      EXPECT_TRUE(network_->tear_down());
    }
    ::umount2(namespace_.c_str(), MNT_DETACH);
    std::filesystem::remove_all(folder_);
  }

  // Answers "hello" to one connection, from inside the namespace; returns once it listens.
  std::thread serve_once(uint16_t port) {
    std::array<int, 2> ready{};
    EXPECT_EQ(::pipe(ready.data()), 0);
    std::thread server([this, port, ready] {
      const int inside = ::open(namespace_.c_str(), O_RDONLY | O_CLOEXEC);
      ASSERT_EQ(::setns(inside, CLONE_NEWNET), 0);
      ::close(inside);
      const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      ASSERT_EQ(::listen(listener, 1), 0);
      ASSERT_EQ(::write(ready[1], "x", 1), 1);
      pollfd waiting{.fd = listener, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20'000) == 1) {
        const int client = ::accept(listener, nullptr, nullptr);
        EXPECT_EQ(::write(client, "hello", 5), 5);
        ::close(client);
      }
      ::close(listener);
    });
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    return server;
  }

  // What a connection to this machine's port says; "refused" when nobody is there.
  static std::string ask(const char* ip, uint16_t port) {
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &address.sin_addr);
    std::string answer;
    if (::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      answer = errno == ECONNREFUSED ? "refused" : "failed";
    } else {
      char buffer[16];
      const ssize_t got = ::read(client, buffer, sizeof buffer);
      answer.assign(buffer, static_cast<size_t>(got > 0 ? got : 0));
    }
    ::close(client);
    return answer;
  }

  std::string folder_, namespace_;
  std::unique_ptr<Network> network_;
};

TEST_F(RealNetwork, a_host_port_leads_into_the_container_from_loopback_too) {
  const std::array<uint16_t, 1> ports{8080};
  const Result<Attachment> place = network_->reserve("web", ports, {});
  ASSERT_TRUE(place);
  const Result<void> attached = network_->attach(*place, namespace_);
  ASSERT_TRUE(attached) << to_string(attached.error());
  EXPECT_EQ(ask("127.0.0.1", place->ports[0].host_port),
            "refused");  // the network is there, the app is not
  std::thread server = serve_once(8080);
  EXPECT_EQ(ask("127.0.0.1", place->ports[0].host_port), "hello");
  server.join();
  ASSERT_TRUE(network_->detach(*place));
  ASSERT_TRUE(network_->detach(*place));  // the absent is detached
  EXPECT_EQ(ask("127.0.0.1", place->ports[0].host_port), "refused");
}

TEST_F(RealNetwork, a_restarted_rep_keeps_adopted_containers_and_drops_the_others) {
  const std::array<uint16_t, 1> ports{8080};
  const Result<Attachment> kept = network_->reserve("kept", ports, {});
  const Result<Attachment> lost = network_->reserve("lost", ports, {});
  ASSERT_TRUE(kept && lost);
  ASSERT_TRUE(network_->attach(*kept, namespace_));
  const std::string seed = "network-test " + folder_;
  network_.reset();  // the old rep is gone; links and table stay
  network_ = *Network::make({.seed = seed, .subnet = {}});
  ASSERT_TRUE(network_->adopt(*kept));
  ASSERT_TRUE(network_->set_up({&*kept, 1}));
  std::thread server = serve_once(8080);
  EXPECT_EQ(ask("127.0.0.1", kept->ports[0].host_port), "hello");
  server.join();
  EXPECT_NE(*runtime::run_program({"sh", "-c", "ls /sys/class/net"}), "");
}

TEST_F(RealNetwork, containers_open_no_connections_unless_their_egress_says_so) {
  const std::array<uint16_t, 0> none{};
  const Result<Attachment> closed = network_->reserve("closed", none, {});
  ASSERT_TRUE(network_->attach(*closed, namespace_));
  const std::string gateway = format_address((closed->address & ~1023u) + 1);
  const std::string knock = "nsenter --net=" + namespace_ +
                            " timeout 5 bash -c 'exec 3<>/dev/tcp/" + gateway + "/1' 2>&1; true";
  const std::string denied = *runtime::run_program({"sh", "-c", knock});
  EXPECT_NE(denied.find("No route to host"), std::string::npos) << denied;  // admin-prohibited
  ASSERT_TRUE(network_->detach(*closed));
  const uint32_t host = (closed->address & ~1023u) + 1;
  const Result<Attachment> open = network_->reserve("open", none,
                                                    {{.protocol = Egress::Protocol::tcp,
                                                      .first_address = host,
                                                      .last_address = host,
                                                      .first_port = 1,
                                                      .last_port = 1}});
  ASSERT_TRUE(network_->attach(*open, namespace_));
  const std::string allowed = *runtime::run_program({"sh", "-c", knock});
  EXPECT_NE(allowed.find("Connection refused"), std::string::npos) << allowed;
}

TEST_F(RealNetwork, tear_down_leaves_nothing) {
  const std::array<uint16_t, 1> ports{8080};
  const Result<Attachment> place = network_->reserve("web", ports, {});
  ASSERT_TRUE(network_->attach(*place, namespace_));
  ASSERT_TRUE(network_->tear_down());
  EXPECT_EQ(runtime::run_program({"nft", "list", "tables"})->find(network_->mark()),
            std::string::npos);
  EXPECT_EQ(runtime::run_program({"ip", "-o", "link"})->find(network_->mark()), std::string::npos);
}

}  // namespace
}  // namespace causeway::network
