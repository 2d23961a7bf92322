#pragma once

#include <cstdint>
#include <string>

#include "cell/runtime/runtime.h"

namespace causeway::runtime {

// Users of the machine that stand for a container's: its 0 is `first`, its 1 is `first` + 1 ...
struct UserMapping {
  uint32_t first = 1'000'000;
  uint32_t count = 65'536;
};

// What a bundle needs beside the container's own wishes.
struct BundlePlace {
  std::string root;          // where the root file system is mounted
  std::string files_folder;  // where file N of the spec was written: files_folder/N
  std::string init_program;  // bound at /.causeway/init, first process
  std::string cgroup;        // path below the hierarchies' roots
  UserMapping mapping;
  bool can_limit_swap = true;
};

inline constexpr const char* init_path = "/.causeway/init";

// config.json and the process file of the OCI runtime specification 1.0. Pure.
std::string bundle_config(const ContainerSpec& spec, const BundlePlace& place);
std::string process_config(const ProcessSpec& spec, uint64_t nofile_max);

}  // namespace causeway::runtime
