// The router: reads its configuration, says what of it is not served, and runs until a signal ends
// it.

#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "log/logger.h"
#include "net/signals.h"
#include "router/config/router_config.h"
#include "router/router_process.h"

namespace {

using namespace causeway;

// The command line as words to exit with, or the configuration's path ("" without -c).
struct CommandLine {
  int exit_code = -1;  // -1: go on
  std::string config_path;
};

CommandLine read_command_line(int argc, char** argv) {
  CommandLine line;
  CLI::App app{"Causeway router: forwards requests to the instances that NATS tells it of.",
               "router"};
  app.add_option("-c,--config", line.config_path, "Configuration file (YAML, gorouter's keys)");
  app.set_version_flag("--version", "router " CAUSEWAY_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    line.exit_code = app.exit(error) == 0 ? 0 : 1;
  }
  return line;
}

void warn(const router::LoadedConfig& loaded, const log::Logger& logger) {
  for (const router::ConfigWarning& warning : loaded.warnings) {
    logger.warn("config-key-not-served", {{"key", warning.key}, {"effect", warning.effect}});
  }
  if (loaded.unknown_keys.empty()) return;
  std::string keys;
  for (const std::string& key : loaded.unknown_keys) keys += (keys.empty() ? "" : ", ") + key;
  logger.warn("config-keys-unknown", {{"keys", keys}});
}

}  // namespace

int main(int argc, char** argv) {
  net::ignore_sigpipe();
  const CommandLine line = read_command_line(argc, argv);
  if (line.exit_code >= 0) return line.exit_code;

  Result<router::LoadedConfig> loaded = line.config_path.empty()
                                            ? router::parse_config("", "built-in defaults")
                                            : router::read_config(line.config_path);
  if (!loaded) {
    log::Sink sink(
        {.shape = log::Shape::gorouter, .time_format = log::TimeFormat::unix_epoch, .path = {}});
    log::Logger(sink, "gorouter.stdout")
        .error("Error loading config: " + loaded.error().detail, loaded.error());
    return 1;
  }
  const router::RouterConfig& config = loaded->config;
  log::Sink sink({.shape = log::Shape::gorouter,
                  .time_format = config.log_time_format,
                  .level = config.log_level,
                  .path = {},
                  .thread_niceness = config.background_niceness});
  const log::Logger logger(sink, config.log_source);
  warn(*loaded, logger);
  return router::RouterProcess(config, logger).run();
}
