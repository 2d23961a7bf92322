#include "tools/platform/plan.h"

#include <set>

#include <gtest/gtest.h>

#include "config/config.h"

namespace causeway::platform {
namespace {

Options options() {
  Options result;
  result.state_dir = "/state";
  result.bin_dir = "/bin";
  result.rootfs_dir = "/state/rootfs/base";
  return result;
}

TEST(Plan, names_every_service_once_in_the_order_of_starting) {
  const Plan plan = make_plan(options());
  std::vector<std::string> names;
  for (const Service& service : plan.services) names.push_back(service.name);
  EXPECT_EQ(names, (std::vector<std::string>{"redis-server", "nats-server", "bbs", "auctioneer",
                                             "route-emitter", "rep", "router"}));
}

TEST(Plan, every_configuration_file_parses) {
  for (const PlannedFile& file : make_plan(options()).files) {
    if (file.path.ends_with(".conf")) continue;  // redis.conf: redis-server reads it
    const auto parsed = config::File::parse(file.text, file.path);
    EXPECT_TRUE(parsed) << file.path << ": " << to_string(parsed.error()) << "\n" << file.text;
  }
}

TEST(Plan, writes_only_below_the_state_folder) {
  const Plan plan = make_plan(options());
  for (const std::string& folder : plan.folders)
    EXPECT_TRUE(folder.starts_with("/state")) << folder;
  for (const PlannedFile& file : plan.files)
    EXPECT_TRUE(file.path.starts_with("/state/")) << file.path;
  for (const Service& service : plan.services)
    EXPECT_TRUE(service.log_path.starts_with("/state/")) << service.name;
}

}  // namespace
}  // namespace causeway::platform
