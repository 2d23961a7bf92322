// rep: runs the instances and tasks of one machine. Wiring only.

#include <signal.h>

#include <charconv>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cell/executor/cell.h"
#include "cell/rep/config.h"
#include "cell/rep/rep.h"
#include "config/command_line.h"
#include "diego/debug_server.h"
#include "diego/tls_keys.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/signals.h"

#ifndef CAUSEWAY_VERSION
#define CAUSEWAY_VERSION "0.1.0"
#endif

namespace {

using causeway::Result;
using causeway::rep::Config;

// 0 for "auto": measured on the machine. The configuration has refused all that is not a number.
int64_t amount(const std::string& text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

causeway::executor::CellOptions cell_options(const Config& config) {
  causeway::executor::CellOptions options;
  options.cell_id = config.cell_id;
  options.state_dir = config.state_dir;
  options.runtime = config.runtime;
  options.address = config.advertise_address;
  options.preloaded_root_fs = config.preloaded_root_fs;
  options.memory_mb = amount(config.memory_mb);
  options.disk_mb = amount(config.disk_mb);
  options.containers_max = config.max_containers;
  options.network_subnet = config.network_subnet;
  options.host_port_first = config.host_port_first;
  options.host_port_last = config.host_port_last;
  options.cpu_shares_max = config.container_max_cpu_shares;
  options.graceful_shutdown_interval = config.graceful_shutdown_interval;
  options.healthy_monitoring_interval = config.healthy_monitoring_interval;
  options.unhealthy_monitoring_interval = config.unhealthy_monitoring_interval;
  options.reserved_expiration_time = config.reserved_expiration_time;
  options.check.interval = config.runtime_check_interval;
  options.check.timeout = config.runtime_check_timeout;
  options.check.path = config.runtime_check_path;
  options.check.args = config.runtime_check_args;
  options.check.env = config.runtime_check_env;
  options.check.user = config.runtime_check_user;
  options.check.dir = config.runtime_check_dir;
  return options;
}

int run(const Config& config, const std::vector<std::string>& unknown_keys) {
  causeway::log::Sink::Options sink_options;
  (void)causeway::log::parse_level(config.log_level, sink_options.level);
  if (config.time_format == "unix-epoch")
    sink_options.time_format = causeway::log::TimeFormat::unix_epoch;
  causeway::log::Sink sink(sink_options);
  const causeway::log::Logger logger(sink, "rep");
  for (const std::string& key : unknown_keys)
    logger.warn("unknown-configuration-key", {{"key", key}});
  const causeway::SystemClock clock;
  causeway::net::Loop loop;
  std::unique_ptr<causeway::rpc::Identity> own, bbs, locket;
  const auto open = [&](const auto& files, auto& identity) {
    return causeway::diego::open_identity("rep", loop, logger, files, identity);
  };
  if (!open(config.tls, own) || !open(config.bbs_tls, bbs) || !open(config.locket_tls, locket))
    return 1;
  std::unique_ptr<causeway::rpc::Server> debug;
  if (!causeway::diego::open_debug_server("rep", loop, logger, sink, config.debug_address, debug))
    return 1;
  auto cell = causeway::executor::Cell::open(loop, logger, clock, cell_options(config));
  if (!cell) {
    logger.error("failed-to-open-cell", cell.error());
    return 1;
  }
  int status = 0;
  causeway::rep::Rep rep(loop, logger, config, **cell,
                         {.own = own.get(), .bbs = bbs.get(), .locket = locket.get()},
                         [&] { loop.stop(); });
  const causeway::net::SignalWatch on_term(loop, SIGTERM, [&] { rep.stop(); });
  const causeway::net::SignalWatch on_int(loop, SIGINT, [&] { rep.stop(); });
  (*cell)->start([&](const Result<void>& ready) {
    const Result<void> started = ready ? rep.start() : ready;
    if (started) return logger.info("started", {{"cell_id", config.cell_id}});
    logger.error("failed-to-start", started.error());
    status = 1;
    loop.stop();
  });
  loop.run();
  logger.info("exited");
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  causeway::net::ignore_sigpipe();
  const causeway::config::CommandLine line = causeway::config::read_command_line(
      argc, argv, "rep", "Runs the instances and tasks of one machine.", CAUSEWAY_VERSION);
  if (line.exit_code) return *line.exit_code;
  std::vector<std::string> unknown_keys;
  const Result<Config> config = causeway::rep::read_config(line.config_path, unknown_keys);
  if (!config) {
    std::fprintf(stderr, "rep: %s\n", config.error().detail.c_str());
    return 1;
  }
  if (const Result<void> rooted = causeway::executor::enter_true_root(config->state_dir); !rooted) {
    std::fprintf(stderr, "rep: %s\n", to_string(rooted.error()).c_str());
    return 1;
  }
  return run(*config, unknown_keys);
}
