// The real program, stopped for longer than its lock lasts and woken up.

#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cf/wire/registry_message.h"
#include "control/route_emitter/fake_bbs.h"
#include "nats/client.h"
#include "net/child.h"
#include "test/support/server_process.h"

namespace causeway::route_emitter {
namespace {

using namespace std::chrono_literals;

class PausedEmitter : public testing::Test {
 protected:
  PausedEmitter() {
    ear_.subscribe("router.*", [this](const nats::Message& message) {
      if (message.payload.find("61002") != std::string::npos) ++heard_second_;
      if (message.payload.find("61001") != std::string::npos) ++heard_first_;
    });
    ear_.subscribe("settled", [this](const nats::Message&) { ++settled_; });
    bbs_.service.server->route("POST", "/models.Locket/:call",
                               [](const rpc::Request&, rpc::Responder responder) {
                                 responder.reply(200, "application/x-protobuf", "");
                               });
  }
  void TearDown() override {
    if (child_ == nullptr || exit_) return;
    child_->kill(SIGKILL);
    EXPECT_TRUE(bed_.until([&] { return exit_.has_value(); }));
  }
  void run() {
    const std::string path = folder_.path() + "/emitter.json";
    std::ofstream(path) << R"({"bbs_address":")" << bbs_.service.url() << R"(","locket_address":")"
                        << bbs_.service.url() << R"(","nats_addresses":"127.0.0.1:)" << nats_.port()
                        << R"(","healthcheck_address":"127.0.0.1:)" << causeway::test::free_port()
                        << R"(","locks_locket_enabled":true,"lock_ttl":"2s",)"
                        << R"("lock_retry_interval":"100ms"})";
    auto started = net::Child::spawn(
        bed_.loop(),
        {.argv = {std::string(std::getenv("CAUSEWAY_BIN_DIR")) + "/route-emitter", "-config", path},
         .env = {},
         .working_dir = {},
         .input = {},
         .stdout_path = {},
         .stderr_path = {}},
        {.on_stdout = [this](std::string_view text) { output_.append(text); },
         .on_stderr = [this](std::string_view text) { output_.append(text); },
         .on_exit = [this](net::ChildExit ended) { exit_ = ended; }});
    ASSERT_TRUE(started) << to_string(started.error());
    child_ = std::move(*started);
  }
  // What reached the NATS server before has been heard.
  void settle() {
    const int before = settled_;
    EXPECT_TRUE(ear_.publish("settled", ""));
    EXPECT_TRUE(bed_.until([&] { return settled_ > before; }));
  }

  causeway::test::NatsServer nats_;
  causeway::test::TempFolder folder_;
  rpc::test::TestBed bed_;
  FakeBbs bbs_{bed_};
  int heard_first_ = 0, heard_second_ = 0, settled_ = 0;
  nats::Client ear_{bed_.loop(),
                    bed_.logger(),
                    {.servers = {{"127.0.0.1", nats_.port(), "", ""}}, .name = "ear"},
                    [](nats::Link, std::string_view) {}};
  std::string output_;
  std::optional<net::ChildExit> exit_;
  std::unique_ptr<net::Child> child_;
};

TEST_F(PausedEmitter, says_nothing_more_when_it_wakes_up_and_ends) {
  settle();
  bbs_.apps = {app("p", "a.com")};
  bbs_.instances = {running("p", 1)};
  run();
  ASSERT_TRUE(bed_.until([&] { return heard_first_ > 0 && !bbs_.streams.empty(); })) << output_;
  child_->kill(SIGSTOP);
  // It finds this in its socket when it wakes up, before any timer tells it the time.
  bbs_.tell(of_instance<Created>(running("p", 2)));
  const auto stopped = std::chrono::steady_clock::now();
  ASSERT_TRUE(bed_.until([&] { return std::chrono::steady_clock::now() > stopped + 3s; }));
  settle();
  const int heard_before = heard_first_;
  child_->kill(SIGCONT);
  ASSERT_TRUE(bed_.until([&] { return exit_.has_value(); }));
  EXPECT_EQ(exit_->status, 1);
  EXPECT_TRUE(bed_.until([&] { return output_.find("lost-lock") != std::string::npos; }))
      << output_;
  settle();
  EXPECT_EQ(heard_second_, 0);
  EXPECT_EQ(heard_first_, heard_before);
}

}  // namespace
}  // namespace causeway::route_emitter
