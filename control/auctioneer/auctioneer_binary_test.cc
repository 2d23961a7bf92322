// The real program against a BBS and a cell in process.

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "control/auctioneer/fake_platform.h"
#include "diego/auctioneer_client.h"
#include "net/child.h"

namespace causeway::auctioneer {
namespace {

using namespace std::chrono_literals;
using test::lrp_request;

class AuctioneerBinaryTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("CAUSEWAY_BIN_DIR");
    ASSERT_NE(folder, nullptr);
    program = std::string(folder) + "/auctioneer";
    std::string pattern = testing::TempDir() + "auctioneer-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
    bbs.add(cell);
    address = free_address();
    health = free_address();
  }
  void TearDown() override {
    if (child != nullptr && !exit) {
      child->kill(SIGKILL);
      EXPECT_TRUE(bed.until([&] { return exit.has_value(); }));
    }
    ::unlink((directory + "/auctioneer.json").c_str());
    ::rmdir(directory.c_str());
  }

  // A port nobody listens on now; a clash later shows as a failed start.
  net::Address free_address() {
    rpc::test::RawServer probe(bed.loop());
    return probe.address();
  }

  void run(const std::string& more = "") {
    const std::string path = directory + "/auctioneer.json";
    std::ofstream(path) << R"({"bbs_address":")" << bbs.service.url() << R"(","listen_address":")"
                        << address.to_string() << R"(","health_address":")" << health.to_string()
                        << '"' << more << "}";
    run_with({"-config", path});
  }
  void run_with(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program);
    exit.reset();
    output.clear();
    auto started =
        net::Child::spawn(bed.loop(),
                          {.argv = std::move(arguments),
                           .env = {},
                           .working_dir = {},
                           .input = {},
                           .stdout_path = {},
                           .stderr_path = {}},
                          {.on_stdout = [this](std::string_view text) { output.append(text); },
                           .on_stderr = [this](std::string_view text) { output.append(text); },
                           .on_exit = [this](net::ChildExit ended) { exit = ended; }});
    ASSERT_TRUE(started) << to_string(started.error());
    child = std::move(*started);
  }
  bool said(const char* text) {
    return bed.until([&] { return output.find(text) != std::string::npos || exit; }) &&
           output.find(text) != std::string::npos;
  }
  bool ended() {
    return bed.until([&] { return exit.has_value(); });
  }

  rpc::test::TestBed bed;
  test::FakeBbs bbs{bed};
  test::FakeCell cell{bed, "cell-a"};
  std::string program;
  std::string directory;
  net::Address address, health;
  std::unique_ptr<net::Child> child;
  std::string output;
  std::optional<net::ChildExit> exit;
};

TEST_F(AuctioneerBinaryTest, places_what_it_is_asked_and_stops_on_sigterm) {
  run(R"(,"surprise":1)");
  ASSERT_TRUE(said("auctioneer.started")) << output;
  EXPECT_NE(output.find("surprise"), std::string::npos);
  diego::AuctioneerClient client(bed.loop(), {.url = "http://" + address.to_string()});
  client.request_lrps({lrp_request("p", {0})}, [](const Result<void>& done) { EXPECT_TRUE(done); });
  ASSERT_TRUE(bed.until([&] { return cell.works.size() == 1; }));
  rpc::Client http(bed.loop());
  std::string metrics;
  http.send({.method = "GET", .url = "http://" + health.to_string() + "/metrics"},
            [&](Result<rpc::Reply> reply) {
              ASSERT_TRUE(reply);
              metrics = reply->body;
            });
  ASSERT_TRUE(bed.until([&] { return !metrics.empty(); }));
  EXPECT_NE(metrics.find("AuctioneerLRPAuctionsStarted 1\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("LockHeld 1\n"), std::string::npos);
  child->kill(SIGTERM);
  ASSERT_TRUE(ended());
  EXPECT_EQ(exit->status, 0);
  EXPECT_EQ(exit->signal, 0);
}

TEST_F(AuctioneerBinaryTest, serves_only_while_it_holds_the_lock) {
  bbs.refuses_lock = true;
  run(R"(,"locks_locket_enabled":true,"lock_retry_interval":"50ms","locket_address":")" +
      bbs.service.url() + "\"");
  ASSERT_TRUE(bed.until([&] { return bbs.lock_calls.size() >= 2; })) << output;
  {
    rpc::test::RawPeer probe(bed.loop(), address);
    ASSERT_TRUE(bed.until([&] { return probe.is_connected() || probe.is_closed; }));
    EXPECT_TRUE(probe.is_closed);
  }
  bbs.refuses_lock = false;
  ASSERT_TRUE(said("acquired-lock")) << output;
  std::optional<rpc::test::RawPeer> probe;  // it listens a moment after it has said so
  EXPECT_TRUE(bed.until([&] {
    if (!probe || probe->is_closed) probe.emplace(bed.loop(), address);
    return probe->is_connected();
  }));
  bbs.refuses_lock = true;
  ASSERT_TRUE(ended());
  EXPECT_EQ(exit->status, 1);
  EXPECT_NE(output.find("lost-lock"), std::string::npos);
}

// Everything it needs to go on lies in its sockets when it wakes up, and no timer of its own has
// told it yet that its time is over.
TEST_F(AuctioneerBinaryTest, one_that_slept_longer_than_its_lock_changes_nothing_and_ends) {
  run(R"(,"locks_locket_enabled":true,"lock_ttl":"2s","lock_retry_interval":"100ms",)"
      R"("cell_state_timeout":"30s","locket_address":")" +
      bbs.service.url() + "\"");
  ASSERT_TRUE(said("auctioneer.started")) << output;
  cell.holds_state = true;
  diego::AuctioneerClient client(bed.loop(), {.url = "http://" + address.to_string()});
  client.request_lrps({lrp_request("p", {0})}, [](const Result<void>& done) { EXPECT_TRUE(done); });
  ASSERT_TRUE(bed.until([&] { return cell.held.size() == 1; }));
  child->kill(SIGSTOP);
  cell.release();
  int taken = 0, refused = 0;
  diego::AuctioneerClient late(bed.loop(), {.url = "http://" + address.to_string(), .attempts = 1});
  late.request_lrps({lrp_request("q", {0})},
                    [&](const Result<void>& done) { ++(done ? taken : refused); });
  const auto stopped = std::chrono::steady_clock::now();
  ASSERT_TRUE(bed.until([&] { return std::chrono::steady_clock::now() > stopped + 3s; }));
  child->kill(SIGCONT);
  ASSERT_TRUE(ended());
  EXPECT_EQ(exit->status, 1);
  EXPECT_NE(output.find("lost-lock"), std::string::npos) << output;
  ASSERT_TRUE(bed.until([&] { return taken + refused == 1; }));
  EXPECT_EQ(taken, 0) << "a request that was taken by it is lost";
  EXPECT_TRUE(cell.works.empty());
  EXPECT_TRUE(bbs.failed.empty());
}

TEST_F(AuctioneerBinaryTest, mistakes_of_configuration_end_it_with_every_one_named) {
  run(R"(,"auction_runner_workers":0,"rep_require_tls":true)");
  ASSERT_TRUE(ended());
  EXPECT_EQ(exit->status, 1);
  EXPECT_NE(output.find("rep_require_tls"), std::string::npos) << output;
  run_with({"-config", directory + "/none.json"});
  ASSERT_TRUE(ended());
  EXPECT_EQ(exit->status, 1);
  run_with({});
  ASSERT_TRUE(ended());
  EXPECT_NE(exit->status, 0);
  run_with({"--version"});
  ASSERT_TRUE(ended());
  EXPECT_EQ(exit->status, 0);
  EXPECT_TRUE(output.starts_with("auctioneer ")) << output;
}

}  // namespace
}  // namespace causeway::auctioneer
