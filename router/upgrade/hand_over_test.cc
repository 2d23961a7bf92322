#include "router/upgrade/hand_over.h"

#include <stdlib.h>

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "net/loop.h"

namespace causeway::router {
namespace {

struct NobodysGiver final : HandOver::Giver {
  std::string_view obstacle() const override { return "it serves nobody"; }
  std::vector<KnownRoute> http_routes() const override { return {}; }
  std::vector<KnownRoute> tcp_routes() const override { return {}; }
  std::vector<net::ListeningSocket> listening_sockets() override { return {}; }
  void run_at_full_priority(const std::function<void()>& work) override { work(); }
  void on_handed_over() override {}
};

TEST(HandOverTest, a_path_that_cannot_be_taken_leaves_nothing_behind) {
  std::string folder = testing::TempDir() + "hand-over-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/socket";
  std::filesystem::create_directories(path + "/occupied");  // in the place of the socket
  net::Loop loop;
  log::Sink sink({.path = "/dev/null"});
  const log::Logger logger(sink, "test");
  NobodysGiver giver;
  HandOver hand_over(loop, logger, {.path = path, .version = "1", .words = {}}, giver);
  const auto listening = hand_over.listen();
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().detail, "rename " + path);
  size_t left = 0;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    EXPECT_EQ(each.path(), path);
    ++left;
  }
  EXPECT_EQ(left, 1u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace causeway::router
