#include "tools/platform/supervisor.h"

#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "json/json.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/timer.h"
#include "tools/platform/state_file.h"

namespace causeway::platform {
namespace {

// A supervisor in a folder of its own; waits by turning the loop until something is true.
class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() : sink_({.path = "/dev/null"}), logger_(sink_, "test") {
    char pattern[] = "/tmp/causeway-supervisor.XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  ~SupervisorTest() override {
    if (supervisor_) {
      bool stopped = false;
      supervisor_->stop([&] { stopped = true; });
      EXPECT_TRUE(until([&] { return stopped; }));
      supervisor_.reset();
    }
    std::filesystem::remove_all(folder_);
  }

  void supervise(std::vector<std::string> script) {
    Service service{"service", {"/bin/sh", "-c", script[0]}, folder_ + "/log", {}};
    std::vector<Service> services{service};
    if (script.size() > 1)
      services.push_back({"other", {"/bin/sh", "-c", script[1]}, folder_ + "/log", {}});
    Supervisor::Timing timing;
    timing.restart_pause_min = std::chrono::milliseconds(5);
    timing.restart_pause_max = std::chrono::milliseconds(50);
    timing.stop_grace = std::chrono::milliseconds(300);
    supervisor_.emplace(loop_, logger_, services, folder_ + "/state", timing);
    supervisor_->start();
  }

  bool until(const std::function<bool()>& is_true) {
    net::Timer tick(loop_);
    tick.every(std::chrono::milliseconds(5), [] {});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_true()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      loop_.run_once();
    }
    return true;
  }

  int64_t state(const char* key, size_t service = 0) {
    const auto text = read_whole_file(folder_ + "/state");
    if (!text) return -1;
    const auto document = json::Document::parse(*text);
    return document ? document->root()["services"].at(service)[key].integer().value_or(-1) : -1;
  }

  net::Loop loop_;
  log::Sink sink_;
  log::Logger logger_;
  std::string folder_;
  std::optional<Supervisor> supervisor_;
};

TEST_F(SupervisorTest, starts_a_killed_service_again) {
  supervise({"exec sleep 1000"});
  ASSERT_TRUE(until([&] { return state("pid") > 0; }));
  const auto first = static_cast<pid_t>(state("pid"));
  ASSERT_EQ(kill(first, SIGKILL), 0);
  ASSERT_TRUE(until([&] { return state("starts") == 2 && state("pid") > 0; }));
  EXPECT_NE(state("pid"), first);
}

TEST_F(SupervisorTest, goes_on_trying_a_service_that_ends_at_once) {
  supervise({"exit 3", "exec sleep 1000"});
  ASSERT_TRUE(until([&] { return state("starts") >= 4; }));
  EXPECT_EQ(state("starts", 1), 1);
}

TEST_F(SupervisorTest, stops_in_reverse_order_and_kills_what_does_not_listen) {
  supervise({"trap '' TERM; while :; do sleep 0.05; done",
             "trap 'echo other >&2; exit 0' TERM; while :; do sleep 0.05; done"});
  ASSERT_TRUE(until([&] { return state("pid") > 0 && state("pid", 1) > 0; }));
  const auto stubborn = static_cast<pid_t>(state("pid"));
  bool stopped = false;
  supervisor_->stop([&] { stopped = true; });
  ASSERT_TRUE(until([&] { return stopped; }));
  EXPECT_NE(kill(stubborn, 0), 0);
  EXPECT_EQ(state("pid"), 0);
  EXPECT_EQ(state("pid", 1), 0);
}

TEST_F(SupervisorTest, a_program_that_does_not_exist_is_said_and_tried_again) {
  supervisor_.emplace(
      loop_, logger_, std::vector<Service>{{"ghost", {folder_ + "/ghost"}, folder_ + "/log", {}}},
      folder_ + "/state", Supervisor::Timing{.restart_pause_max = std::chrono::milliseconds(5)});
  supervisor_->start();
  EXPECT_TRUE(until([&] { return state("starts") >= 2; }));
}

TEST(RotateLog, keeps_one_predecessor_and_goes_on_in_the_same_file) {
  char pattern[] = "/tmp/causeway-rotate.XXXXXX";
  const std::string folder = mkdtemp(pattern);
  const std::string path = folder + "/log";
  std::ofstream(path) << "0123456789";
  rotate_log(path, 10);
  EXPECT_FALSE(std::filesystem::exists(path + ".1"));
  rotate_log(path, 9);
  EXPECT_EQ(std::filesystem::file_size(path), 0u);
  EXPECT_EQ(*read_whole_file(path + ".1"), "0123456789");
  rotate_log(folder + "/absent", 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace causeway::platform
