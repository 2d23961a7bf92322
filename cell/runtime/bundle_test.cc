#include "cell/runtime/bundle.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "json/json.h"

namespace causeway::runtime {
namespace {

ContainerSpec example() {
  ContainerSpec spec;
  spec.handle = "app-1";
  spec.hostname = "app-1";
  spec.user_namespace = "/run/n/user";
  spec.network_namespace = "/run/n/net";
  spec.limits = {.memory_bytes = 64 << 20, .pids = 100, .cpu_shares = 512};
  spec.files = {{"/etc/hosts", "127.0.0.1 localhost\n"}};
  return spec;
}

BundlePlace place() {
  BundlePlace place;
  place.root = "/run/c/app-1/rootfs";
  place.files_folder = "/run/c/app-1/files";
  place.init_program = "/usr/bin/causeway-shim";
  place.cgroup = "/causeway/cell/app-1";
  return place;
}

json::Document parse(const std::string& text) {
  Result<json::Document> document = json::Document::parse(text);
  EXPECT_TRUE(document.has_value()) << text;
  return std::move(*document);
}

json::Node mount_at(json::Node root, std::string_view destination) {
  for (size_t i = 0; i < root["mounts"].size(); ++i) {
    const json::Node mount = root["mounts"].at(i);
    if (mount["destination"].string() == destination) return mount;
  }
  return {};
}

TEST(Bundle, states_limits_namespaces_and_mapping) {
  const json::Document document = parse(bundle_config(example(), place()));
  const json::Node linux_part = document.root()["linux"];
  EXPECT_EQ(linux_part["cgroupsPath"].string(), "/causeway/cell/app-1");
  EXPECT_EQ(linux_part["resources"]["memory"]["limit"].integer(), 64 << 20);
  EXPECT_EQ(linux_part["resources"]["memory"]["swap"].integer(), 64 << 20);
  EXPECT_EQ(linux_part["resources"]["pids"]["limit"].integer(), 100);
  EXPECT_EQ(linux_part["resources"]["cpu"]["shares"].integer(), 512);
  EXPECT_EQ(linux_part["uidMappings"].at(0)["hostID"].integer(), 1'000'000);
  bool joins_network = false, joins_users = false;
  for (size_t i = 0; i < linux_part["namespaces"].size(); ++i) {
    const json::Node entry = linux_part["namespaces"].at(i);
    joins_network = joins_network ||
                    (entry["type"].string() == "network" && entry["path"].string() == "/run/n/net");
    joins_users = joins_users ||
                  (entry["type"].string() == "user" && entry["path"].string() == "/run/n/user");
  }
  EXPECT_TRUE(joins_network);
  EXPECT_TRUE(joins_users);
}

TEST(Bundle, its_first_process_is_the_shims_init) {
  const json::Document document = parse(bundle_config(example(), place()));
  EXPECT_EQ(document.root()["process"]["args"].at(0).string(), init_path);
  EXPECT_EQ(document.root()["process"]["args"].at(1).string(), "--init");
  EXPECT_EQ(mount_at(document.root(), init_path)["source"].string(), "/usr/bin/causeway-shim");
  EXPECT_EQ(mount_at(document.root(), "/etc/hosts")["source"].string(), "/run/c/app-1/files/0");
}

TEST(Bundle, no_limit_is_written_as_none) {
  ContainerSpec spec = example();
  spec.limits = {};
  BundlePlace without_swap = place();
  const json::Document document = parse(bundle_config(spec, without_swap));
  const json::Node resources = document.root()["linux"]["resources"];
  EXPECT_FALSE(resources["memory"].exists());
  EXPECT_FALSE(resources["pids"].exists());
  EXPECT_FALSE(resources["cpu"].exists());
  spec.limits.memory_bytes = 1 << 20;
  without_swap.can_limit_swap = false;
  const json::Document limited = parse(bundle_config(spec, without_swap));
  EXPECT_FALSE(limited.root()["linux"]["resources"]["memory"]["swap"].exists());
}

TEST(Bundle, only_the_unprivileged_are_filtered_and_masked) {
  ContainerSpec spec = example();
  EXPECT_TRUE(parse(bundle_config(spec, place())).root()["linux"]["seccomp"].exists());
  spec.is_privileged = true;
  spec.user_namespace.clear();
  const json::Document document = parse(bundle_config(spec, place()));
  EXPECT_FALSE(document.root()["linux"]["seccomp"].exists());
  EXPECT_FALSE(document.root()["linux"]["maskedPaths"].exists());
  EXPECT_FALSE(document.root()["linux"]["uidMappings"].exists());
}

TEST(Bundle, a_process_of_a_plain_user_holds_no_capability) {
  ProcessSpec spec;
  spec.path = "/bin/sh";
  spec.args = {"-c", "echo \"quoted\""};
  spec.env = {"A=b"};
  spec.uid = spec.gid = 2000;
  spec.groups = {7};
  spec.nofile = 1'000'000;
  const json::Document document = parse(process_config(spec, 20'000));
  const json::Node root = document.root();
  EXPECT_EQ(root["args"].at(2).string(), "echo \"quoted\"");
  EXPECT_EQ(root["user"]["uid"].integer(), 2000);
  EXPECT_EQ(root["user"]["additionalGids"].at(0).integer(), 7);
  EXPECT_EQ(root["capabilities"]["effective"].size(), 0u);
  EXPECT_EQ(root["noNewPrivileges"].boolean(), true);
  EXPECT_EQ(root["cwd"].string(), "/");
  EXPECT_EQ(root["rlimits"].at(0)["hard"].integer(), 20'000);
}

}  // namespace
}  // namespace causeway::runtime
