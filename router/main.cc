// The router: reads its configuration, says what of it is not served, and runs until a signal ends
// it.

#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <utility>

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
  bool takes_over = false;
};

CommandLine read_command_line(int argc, char** argv) {
  CommandLine line;
  CLI::App app{"Causeway router: forwards requests to the instances that NATS tells it of.",
               "router"};
  app.add_option("-c,--config", line.config_path, "Configuration file (YAML, gorouter's keys)");
  app.add_flag("--take-over", line.takes_over,
               "Take routes and listening sockets over from the router that runs with the same "
               "upgrade.socket");
  app.set_version_flag("--version", "router " CAUSEWAY_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    line.exit_code = app.exit(error) == 0 ? 0 : 1;
  }
  return line;
}

// Where this program was started from: a file that may be replaced by a newer one later.
std::string path_of_binary(const char* called) {
  std::array<char, 4096> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<size_t>(size)) : called;
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
  const std::string own_path = path_of_binary(argv[0]);
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
  router::RouterProcess::Launch launch{.version = CAUSEWAY_VERSION,
                                       .config_path = line.config_path,
                                       .words = {own_path},
                                       .takes_over = line.takes_over};
  if (!line.config_path.empty()) {
    launch.words.insert(launch.words.end(), {"-c", line.config_path});
  }
  return router::RouterProcess(*std::move(loaded), sink, logger, std::move(launch)).run();
}
