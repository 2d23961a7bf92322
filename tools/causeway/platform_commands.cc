#include "tools/causeway/platform_commands.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "json/json.h"
#include "tools/causeway/context.h"
#include "tools/causeway/table.h"
#include "tools/platform/control.h"
#include "tools/platform/state_file.h"

namespace causeway::cli {
namespace {

// What `platform start` and `platform run` are told.
struct PlatformOptions {
  std::string rootfs;
  uint16_t router_port = 8081;
  uint16_t ports_from = 0;  // 0: the usual port of each component
  uint32_t workers = 0;
  std::string certificates;  // folder; empty: no TLS
  uint16_t router_tls_port = 8443;
};

constexpr const char* tls_hint = "tools/dev-certs FOLDER lays out what --tls FOLDER needs";

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

platform::Ports ports_of(const PlatformOptions& wanted) {
  platform::Ports ports;
  ports.router = wanted.router_port;
  ports.router_tls = wanted.router_tls_port;
  if (wanted.ports_from == 0) return ports;
  uint16_t next = wanted.ports_from;
  for (uint16_t* port :
       {&ports.router_status, &ports.router_routes, &ports.router_metrics, &ports.bbs,
        &ports.bbs_health, &ports.auctioneer, &ports.auctioneer_health, &ports.rep,
        &ports.rep_admin, &ports.route_emitter_health, &ports.nats, &ports.redis}) {
    *port = next++;
  }
  return ports;
}

Result<platform::Options> options_of(const Context& context, const PlatformOptions& wanted) {
  platform::Options options;
  options.state_dir = std::filesystem::absolute(context.state_dir).string();
  options.bin_dir = std::filesystem::path(own_path()).parent_path().string();
  options.rootfs_dir = wanted.rootfs.empty() ? options.state_dir + "/rootfs/base"
                                             : std::filesystem::absolute(wanted.rootfs).string();
  options.router_workers = wanted.workers;
  options.ports = ports_of(wanted);
  if (wanted.certificates.empty()) return options;
  auto certificates = platform::read_certificates(
      std::filesystem::absolute(wanted.certificates).string(), options.cell_id);
  if (!certificates) return certificates.error();
  options.certificates = std::move(*certificates);
  return options;
}

int run(const Context& context, const PlatformOptions& wanted) {
  const Result<platform::Options> options = options_of(context, wanted);
  return options ? platform::run(*options) : Context::fail(options.error(), tls_hint);
}

void add_options(CLI::App& command, PlatformOptions& wanted) {
  command.add_option("--rootfs", wanted.rootfs,
                     "root file system of the cell's containers (made by tools/rootfs)");
  command.add_option("--router-port", wanted.router_port, "where apps are reached")
      ->capture_default_str()
      ->check(CLI::Range(1, 65535));
  command
      .add_option("--ports-from", wanted.ports_from,
                  "the other ports are N, N+1, ...; default: the usual ones")
      ->check(CLI::Range(1, 65500));
  command.add_option("--workers", wanted.workers,
                     "worker threads of the router; default: one per core");
  command.add_option("--tls", wanted.certificates,
                     "mutual TLS between all processes and https at the router, with the "
                     "certificates of that folder (made by tools/dev-certs)");
  command.add_option("--router-tls-port", wanted.router_tls_port, "with --tls: the router's https")
      ->capture_default_str()
      ->check(CLI::Range(1, 65535));
}

int start(const Context& context, const PlatformOptions& wanted) {
  const Result<platform::Options> options = options_of(context, wanted);
  if (!options) return Context::fail(options.error(), tls_hint);
  std::vector<std::string> command{
      own_path(),          "--state",       options->state_dir,
      "platform",          "run",           "--rootfs",
      options->rootfs_dir, "--router-port", std::to_string(wanted.router_port)};
  if (wanted.ports_from != 0)
    command.insert(command.end(), {"--ports-from", std::to_string(wanted.ports_from)});
  if (wanted.workers != 0)
    command.insert(command.end(), {"--workers", std::to_string(wanted.workers)});
  if (options->certificates)
    command.insert(command.end(), {"--tls", options->certificates->folder, "--router-tls-port",
                                   std::to_string(wanted.router_tls_port)});
  if (const auto state = platform::read_state(options->state_dir);
      state && state->supervisor_pid != 0) {
    return Context::fail(
        {.fault = Fault::exists, .detail = "a platform already runs in " + options->state_dir},
        "causeway platform status shows it");
  }
  const Result<void> started = platform::start(*options, command, [](const std::string& line) {
    std::fprintf(stderr, "    %s\n", line.c_str());
  });
  return started ? 0
                 : Context::fail(started.error(),
                                 "causeway platform status shows each service and its log");
}

std::string megabytes(uint64_t bytes) {
  return bytes == 0 ? "-" : std::to_string((bytes + 500'000) / 1'000'000);
}

void print_status(const platform::PlatformState& state) {
  Table table({"service", "pid", "starts", "memory MB", "last end", "log"});
  uint64_t sum = platform::resident_bytes(state.supervisor_pid);
  for (const platform::ServiceState& one : state.services) {
    table.row({one.name, one.pid == 0 ? "-" : std::to_string(one.pid), std::to_string(one.starts),
               megabytes(one.resident_bytes), one.last_end.empty() ? "-" : one.last_end, one.log});
    sum += one.resident_bytes;
  }
  std::printf("%smemory of all: %s MB\n", table.text().c_str(), megabytes(sum).c_str());
}

int status(const Context& context, bool quiet) {
  const Result<platform::PlatformState> state = platform::read_state(context.state_dir);
  if (!state) return Context::fail(state.error());
  const bool running = state->supervisor_pid != 0;
  if (quiet) return running ? 0 : 3;
  if (context.json) {
    json::Writer writer;
    writer.object()
        .member("state_dir", context.state_dir)
        .member("supervisor_pid", state->supervisor_pid);
    for (const platform::ServiceState& one : state->services) {
      if (one.name == "router") writer.member("router_port", one.probe_port);
    }
    writer.key("services").array();
    for (const platform::ServiceState& one : state->services) {
      writer.object()
          .member("name", one.name)
          .member("pid", one.pid)
          .member("starts", one.starts)
          .member("resident_bytes", one.resident_bytes)
          .member("last_end", one.last_end)
          .member("log", one.log)
          .end();
    }
    std::printf("%s\n", writer.end().end().take().c_str());
    return 0;
  }
  if (!running) {
    std::printf("no platform runs in %s; tools/up starts one\n", context.state_dir.c_str());
    return 3;
  }
  print_status(*state);
  return 0;
}

int stop(const Context& context) {
  const Result<void> stopped = platform::stop(context.state_dir);
  return stopped
             ? 0
             : Context::fail(stopped.error(), "its log: " + context.state_dir + "/supervisor.log");
}

}  // namespace

void add_platform_commands(CLI::App& app, Context& context) {
  CLI::App& group =
      *app.add_subcommand("platform", "start, look at and stop a platform on this machine");
  group.require_subcommand(1);
  const auto wanted = std::make_shared<PlatformOptions>();

  CLI::App& start_command =
      *group.add_subcommand("start", "start every process and wait until all work");
  add_options(start_command, *wanted);
  start_command.callback([&context, wanted] { context.exit_status = start(context, *wanted); });

  CLI::App& run_command = *group.add_subcommand("run", "the same in the foreground, until SIGTERM");
  add_options(run_command, *wanted);
  run_command.callback([&context, wanted] { context.exit_status = run(context, *wanted); });

  CLI::App& status_command = *group.add_subcommand(
      "status", "what runs, under which pid, how often started (exit 3: nothing)");
  const auto quiet = std::make_shared<bool>(false);
  status_command.add_flag("--quiet", *quiet, "only the exit status");
  status_command.callback([&context, quiet] { context.exit_status = status(context, *quiet); });

  CLI::App& stop_command = *group.add_subcommand("stop", "end every process; data and logs stay");
  stop_command.callback([&context] { context.exit_status = stop(context); });
}

}  // namespace causeway::cli
