#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cell/runtime/bundle.h"

namespace causeway::runtime {

enum class UserNamespaces : uint8_t { automatic, required, off };

// What this machine can do, found by doing it.
struct Machine {
  std::string runtime;  // of the candidates, the first that ran a container
  bool has_user_namespaces = true;
  bool has_shifted_mounts = true;  // else root file systems are copied
  bool can_limit_swap = true;
  std::vector<std::string> remarks;  // what is missing and what is done instead, for the log
};

struct ProbeOptions {
  std::string cell_id;
  std::string shim_program;
  std::string run_folder;
  std::string state_folder;
  std::vector<std::string> runtimes = {"runc", "crun"};
  UserNamespaces user_namespaces = UserNamespaces::automatic;
  UserMapping mapping;
};

// Runs and removes a container of nothing but the shim's --init. Blocks for about a tenth of a
// second. An error names what the machine lacks.
Result<Machine> probe(const ProbeOptions& options);

}  // namespace causeway::runtime
