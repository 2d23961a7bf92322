#include "cell/runtime/cgroups.h"

#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <vector>

#include "cell/runtime/mounts.h"

namespace causeway::runtime {

namespace fs = std::filesystem;

namespace {

constexpr const char* cgroup_root = "/sys/fs/cgroup";

// Where the path may be: below the root itself (v2) and below each hierarchy's folder (v1, hybrid).
std::vector<fs::path> places(const std::string& path) {
  std::vector<fs::path> found;
  std::error_code error;
  const auto add = [&](const fs::path& hierarchy) {
    fs::path place = hierarchy;
    place += path;
    if (fs::is_directory(place, error)) found.push_back(std::move(place));
  };
  add(cgroup_root);
  for (const auto& entry : fs::directory_iterator(cgroup_root, error)) {
    // cpu,cpuacct has links beside it
    if (entry.is_directory(error) && !entry.is_symlink(error)) add(entry.path());
  }
  return found;
}

Result<int64_t> read_number(const std::string& path, std::string_view after = {}) {
  Result<std::string> text = read_whole_file(path, 4096);
  if (!text) return text.error();
  size_t at = after.empty() ? 0 : text->find(after);
  if (at == std::string::npos)
    return Error{.fault = Fault::not_found, .detail = path + " has no " + std::string(after)};
  at += after.size();
  int64_t number = 0;
  if (std::from_chars(text->data() + at, text->data() + text->size(), number).ec != std::errc()) {
    return Error{.fault = Fault::invalid, .detail = path + " is no number"};
  }
  return number;
}

bool kill_processes(const fs::path& place) {
  bool any = false;
  std::ifstream processes(place / "cgroup.procs");
  for (pid_t pid = 0; processes >> pid;) {
    if (pid > 1 && ::kill(pid, SIGKILL) == 0) any = true;
  }
  return any;
}

// Deepest first; a cgroup's folder has nothing in it but files that cannot be removed.
void remove_groups(const fs::path& place) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(place, error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error)) remove_groups(entry.path());
  }
  ::rmdir(place.c_str());
}

}  // namespace

Result<Usage> cgroup_usage(const std::string& path) {
  const std::string root = cgroup_root;
  Usage usage;
  const Result<int64_t> v2_memory = read_number(root + path + "/memory.current");
  const Result<int64_t> memory =
      v2_memory ? v2_memory : read_number(root + "/memory" + path + "/memory.usage_in_bytes");
  if (!memory) return memory.error();
  usage.memory_bytes = *memory;
  if (const Result<int64_t> v2_cpu = read_number(root + path + "/cpu.stat", "usage_usec ");
      v2_cpu) {
    usage.cpu_ns = *v2_cpu * 1000;
  } else if (const Result<int64_t> v1_cpu =
                 read_number(root + "/cpuacct" + path + "/cpuacct.usage");
             v1_cpu) {
    usage.cpu_ns = *v1_cpu;
  }
  return usage;
}

bool can_limit_swap() {
  const std::string root = cgroup_root;
  if (::access((root + "/memory").c_str(), F_OK) != 0) return ::access("/proc/swaps", F_OK) == 0;
  return ::access((root + "/memory/memory.memsw.limit_in_bytes").c_str(), F_OK) == 0;
}

void remove_cgroup(const std::string& path) {
  constexpr int rounds_max = 50;
  for (int round = 0; round < rounds_max; ++round) {
    const std::vector<fs::path> found = places(path);
    if (found.empty()) return;
    for (const fs::path& place : found) {
      std::error_code error;
      kill_processes(place);
      for (const auto& entry : fs::recursive_directory_iterator(place, error)) {
        if (entry.is_directory(error)) kill_processes(entry.path());
      }
      remove_groups(place);
    }
    ::poll(nullptr, 0, 20);  // the kernel takes a moment to empty a group
  }
}

void remove_empty_cgroup(const std::string& path) {
  for (fs::path at = path; at != "/" && !at.empty(); at = at.parent_path()) {
    for (const fs::path& place : places(at.string())) ::rmdir(place.c_str());
  }
}

}  // namespace causeway::runtime
