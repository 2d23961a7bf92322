#include "cell/runtime/oci_ground.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/check.h"
#include "cell/runtime/cgroups.h"
#include "cell/runtime/mounts.h"
#include "cell/runtime/program.h"
#include "net/timer.h"

namespace causeway::runtime {

namespace fs = std::filesystem;

namespace {

// Short, and every user may pass: sockets and mapped roots need both.
std::string make_ground() {
  std::string name = "/tmp/causeway-cell.XXXXXX";
  CHECK(::mkdtemp(name.data()) != nullptr);
  CHECK(::chmod(name.c_str(), 0711) == 0);
  return name;
}

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

log::Sink::Options quiet() {
  log::Sink::Options options;
  options.level = log::Level::warn;
  return options;
}

ProbeOptions probe_options(const std::string& folder, const std::string& cell_id) {
  ProbeOptions options;
  options.cell_id = cell_id;
  options.shim_program =
      fs::absolute(environment("CAUSEWAY_BIN_DIR", "build/dev/bin")).string() + "/causeway-shim";
  options.run_folder = folder + "/run";
  options.state_folder = folder + "/state";
  return options;
}

}  // namespace

OciGround::OciGround()
    : folder_(make_ground()),
      cell_id_("test-" + std::to_string(::getpid())),
      sink_(quiet()),
      logger_(sink_, "test"),
      setup_(loop_),
      removal_(loop_),
      plain_root_(folder_ + "/plain"),
      root_(folder_ + "/root"),
      machine_(probe(probe_options(folder_, cell_id_))) {
  if (!machine_) return;
  const std::string source = environment("CAUSEWAY_SOURCE_DIR", ".");
  if (Result<std::string> made = run_program({source + "/tools/rootfs", plain_root_}); !made) {
    machine_ = made.error();
    return;
  }
  const ProbeOptions probed = probe_options(folder_, cell_id_);
  options_.cell_id = cell_id_;
  options_.runtime = machine_->runtime;
  options_.shim_program = probed.shim_program;
  options_.run_folder = probed.run_folder;
  options_.state_folder = probed.state_folder;
  options_.uses_user_namespaces = machine_->has_user_namespaces;
  options_.can_limit_swap = machine_->can_limit_swap;
  if (!machine_->has_user_namespaces) {
    root_ = plain_root_;
  } else {
    CHECK(make_folder(root_, 0755).has_value());
    const Result<void> shifted = machine_->has_shifted_mounts
                                     ? mount_shifted(plain_root_, root_, options_.mapping)
                                     : copy_shifted(plain_root_, root_ + "/.", options_.mapping);
    if (!shifted) machine_ = shifted.error();
  }
  runtime_ = std::make_unique<OciRuntime>(loop_, logger_, setup_, removal_, options_);
}

OciGround::~OciGround() {
  setup_.stop();
  removal_.stop();
  runtime_.reset();
  for (const auto& path : {folder_ + "/run", folder_}) unmount_below(path);
  remove_cgroup("/causeway/" + cell_id_);
  remove_empty_cgroup("/causeway");
  (void)remove_tree(folder_);
}

OciRuntime& OciGround::restart() {
  runtime_.reset();
  runtime_ = std::make_unique<OciRuntime>(loop_, logger_, setup_, removal_, options_);
  return *runtime_;
}

ContainerSpec OciGround::spec(const std::string& handle) {
  const std::string pins = folder_ + "/run/n/" + handle;
  CHECK(make_folder(pins).has_value());
  Result<PinnedNamespaces> pinned =
      pin_namespaces(pins, options_.uses_user_namespaces ? &options_.mapping : nullptr);
  CHECK(pinned.has_value());
  ContainerSpec spec;
  spec.handle = handle;
  spec.root = root_;
  spec.hostname = handle;
  spec.user_namespace = pinned->user;
  spec.network_namespace = pinned->network;
  spec.limits = {.memory_bytes = 64 << 20, .pids = 64, .cpu_shares = 1024};
  spec.log_folder = folder_ + "/logs/" + handle;
  CHECK(make_folder(spec.log_folder).has_value());
  return spec;
}

void OciGround::unpin(const std::string& handle) {
  unmount_below(folder_ + "/run/n/" + handle);
  (void)remove_tree(folder_ + "/run/n/" + handle);
}

bool OciGround::run_until(const std::function<bool()>& condition, Duration timeout) {
  net::Timer beat(loop_);
  const Instant deadline = std::chrono::steady_clock::now() + timeout;
  beat.every(std::chrono::milliseconds(5), [] {});
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    loop_.run_once();
  }
  return true;
}

std::vector<std::string> OciGround::traces() const {
  std::vector<std::string> found = mounts_below(folder_ + "/run");
  std::error_code error;
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", error)) {
    for (const auto& group :
         fs::directory_iterator(hierarchy.path() / "causeway" / cell_id_, error)) {
      if (group.is_directory(error)) found.push_back(group.path().string());
    }
  }
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    const Result<std::string> command =
        read_whole_file(process.path().string() + "/cmdline", 65536);
    if (command && command->find(folder_ + "/run") != std::string::npos)
      found.push_back(process.path().string());
  }
  return found;
}

}  // namespace causeway::runtime
