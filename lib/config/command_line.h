#pragma once

#include <optional>
#include <string>

namespace causeway::config {

// What the command line of a service says. A value.
struct CommandLine {
  std::optional<int> exit_code = {};  // set: it ends with this (help, version, a mistake)
  std::string config_path = {};
};

// Reads `--config FILE` in all the ways that Diego's operators write it: -config FILE and
// -config=FILE as Go does, --config and -c as others do; --help and --version. What is to be said
// is said, on stdout or stderr. `about`: one line for --help.
CommandLine read_command_line(int argc, const char* const* argv, const std::string& name,
                              const std::string& about, const std::string& version);

}  // namespace causeway::config
