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

Options secured_options() {
  Options result = options();
  result.certificates = {.folder = "/certs",
                         .authority = "the authority\n",
                         .router_certificate = "one line\nand another\n",
                         .router_key = "a key\n"};
  return result;
}

std::string text_of(const Plan& plan, const std::string& name) {
  for (const PlannedFile& file : plan.files)
    if (file.path == "/state/config/" + name) return file.text;
  return "";
}

TEST(Plan, names_every_service_once_in_the_order_of_starting) {
  const Plan plan = make_plan(options());
  std::vector<std::string> names;
  for (const Service& service : plan.services) names.push_back(service.name);
  EXPECT_EQ(names, (std::vector<std::string>{"redis-server", "nats-server", "bbs", "auctioneer",
                                             "route-emitter", "rep", "router"}));
}

TEST(Plan, every_configuration_file_parses) {
  for (const Options& one : {options(), secured_options()}) {
    for (const PlannedFile& file : make_plan(one).files) {
      if (file.path.ends_with(".conf")) continue;  // of redis-server and nats-server
      const auto parsed = config::File::parse(file.text, file.path);
      EXPECT_TRUE(parsed) << file.path << ": " << to_string(parsed.error()) << "\n" << file.text;
    }
  }
}

TEST(Plan, with_certificates_nobody_speaks_plain_text_to_another) {
  const Plan plan = make_plan(secured_options());
  for (const PlannedFile& file : plan.files)
    EXPECT_EQ(file.text.find("http://"), std::string::npos) << file.path;
  EXPECT_NE(text_of(plan, "redis.conf").find("port 0\ntls-port 6379\n"), std::string::npos);
  EXPECT_NE(text_of(plan, "nats.conf").find("verify: true"), std::string::npos);
  EXPECT_NE(text_of(plan, "bbs.json").find("\"require_ssl\":true"), std::string::npos);
  EXPECT_NE(text_of(plan, "rep.json").find("/certs/rep-cell-1.key"), std::string::npos);
  EXPECT_NE(text_of(plan, "router.yml")
                .find("  cert_chain: |\n    one line\n    and another\n  private_key: |\n"),
            std::string::npos)
      << text_of(plan, "router.yml");
  EXPECT_NE(text_of(make_plan(options()), "redis.conf").find("port 6379\n"), std::string::npos);
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
