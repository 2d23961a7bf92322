#include "config/command_line.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace causeway::config {

CommandLine read_command_line(int argc, const char* const* argv, const std::string& name,
                              const std::string& about, const std::string& version) {
  CommandLine line;
  CLI::App app(about, name);
  app.set_version_flag("--version", name + " " + version);
  app.add_option("--config,-c", line.config_path,
                 "configuration file (JSON or YAML); -config as well")
      ->required();
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) arguments.emplace_back(argv[i]);
  for (std::string& argument : arguments) {
    // Go's flags have one dash.
    if (argument == "-config" || argument.starts_with("-config=")) argument.insert(0, "-");
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    line.exit_code = app.exit(error) == 0 ? 0 : 1;
  }
  return line;
}

}  // namespace causeway::config
