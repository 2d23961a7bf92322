#include <unistd.h>

#include <cstdio>
#include <utility>

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"
#include "bench/load/measure/quantity.h"
#include "bench/platform_load/platform_run.h"

namespace causeway::load {
namespace {

// As typed; worked out by finish().
struct PlatformArguments final : Arguments {
  platform::PlatformOptions options;
  std::string steady = "60s", heart_beat = "30s", patience = "60s", converge = "30s";
  std::string label, json_file, html_file;
  std::vector<std::string> watched;
};

Result<void> finish(PlatformArguments& arguments) {
  platform::PlatformOptions& options = arguments.options;
  const std::pair<Duration*, std::pair<const char*, const std::string*>> durations[] = {
      {&options.steady, {"--steady", &arguments.steady}},
      {&options.heart_beat, {"--heart-beat", &arguments.heart_beat}},
      {&options.patience, {"--patience", &arguments.patience}},
      {&options.own_servers.converge_interval, {"--converge-interval", &arguments.converge}}};
  for (const auto& [into, typed] : durations) {
    if (auto set = set_duration(*into, *typed.second, typed.first); !set) return set;
  }
  for (const std::string& text : arguments.watched) {
    auto process = parse_watched(text);
    if (!process) return process.error();
    options.watched.push_back(std::move(process).value());
  }
  if (options.own_servers.programs.empty()) options.own_servers.programs = platform::own_folder();
  const std::string files[] = {arguments.json_file, arguments.html_file};
  if (auto possible = check_report_files(files); !possible) return possible;
  return check(options);
}

int run_platform_command(PlatformArguments& arguments, const Context& context) {
  if (const auto finished = finish(arguments); !finished) return complain(finished.error(), 2);
  platform::PlatformExtras extras;
  extras.catches_signals = true;
  if (::isatty(STDERR_FILENO) == 1)
    extras.on_progress = [](const std::string& line) {
      std::fprintf(stderr, "%s\n", line.c_str());
    };
  auto record = platform::run_platform(arguments.options, extras);
  if (!record) return complain(record.error(), 1);
  record->version = CAUSEWAY_VERSION;
  record->command = context.command_line;
  record->label = arguments.label.empty() ? "platform at " + record->bbs : arguments.label;
  const ReportFile files[] = {{arguments.json_file, to_json(*record) + "\n"},
                              {arguments.html_file, to_html(*record)}};
  int status = give_out(to_table(*record), files);
  if (status == 0 && !record->partial.empty()) status = 130;
  if (status == 0 && !record->remarks.empty())
    status = complain({.fault = Fault::unavailable, .detail = record->remarks.front()}, 1);
  return status;
}

}  // namespace

void add_platform_command(CLI::App& app, Context& context) {
  PlatformArguments& typed = context.keep<PlatformArguments>();
  platform::PlatformOptions& options = typed.options;
  CLI::App* command =
      app.add_subcommand("platform", "simulated cells and apps against bbs, auctioneer and Redis");
  command->footer(
      "--own starts redis-server, bbs and auctioneer on free ports in a temporary folder, and ends "
      "them. Otherwise --bbs names\n"
      "a running bbs whose auctioneer reaches this machine; what was desired there is removed "
      "again.\n"
      "Exit: 0 measured, 1 failed or not everything came to run, 2 bad usage, 130 interrupted or "
      "partial.\n\n"
      "Examples:\n"
      "  causeway-bench platform --own --operations 2000\n"
      "  causeway-bench platform --own --cells 1000 --lrps 50000 --instances 5 --cell-containers "
      "300 \\\n"
      "    --subscribers 500 --burst 10000 --html scale.html");
  // The last one wins: scripts have their own before what is typed.
  command->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  command->add_flag("--own", options.own, "start servers of our own");
  command->add_option("--programs", options.own_servers.programs,
                      "folder of bbs and auctioneer, for --own (default: this program's)");
  command->add_option("--redis-server", options.own_servers.redis_server, "program, for --own")
      ->capture_default_str();
  command->add_option("--converge-interval", typed.converge, "of our own bbs")
      ->capture_default_str();
  command->add_option("--bbs", options.bbs_url, "http(s)://host:port of a running bbs");
  command->add_option("--ca", options.tls.authorities,
                      "file with the authorities of bbs, auctioneer and cells: mutual TLS");
  command->add_option("--cert", options.tls.certificate,
                      "file with the certificate shown to them, and used by our own");
  command->add_option("--key", options.tls.key, "file with its key");
  command->add_option("--bbs-health", options.health_url, "http://host:port of its metrics");
  command->add_option("--redis", options.redis,
                      "host:port of its Redis, to read memory and slow log");
  command
      ->add_option("--operations", options.operations,
                   "LRPs and tasks for the table of operations; 0: left out")
      ->capture_default_str();
  command
      ->add_option("--streams", options.streams,
                   "event streams to ask for, more than the bbs keeps; 0: left out")
      ->capture_default_str();
  command->add_option("--clients", options.clients, "calls at the same time")
      ->capture_default_str();
  command->add_option("--cells", options.cells, "simulated")->capture_default_str();
  command->add_option("--zones", options.zones, "they are in")->capture_default_str();
  command->add_option("--cell-memory", options.cell_memory_mb, "MB of each")->capture_default_str();
  command->add_option("--cell-containers", options.cell_containers, "of each")
      ->capture_default_str();
  command->add_option("--rep-calls", options.rep_calls, "of all cells together, at the same time")
      ->capture_default_str();
  command->add_option("--lrps", options.lrps, "desired at scale; 0: left out")
      ->capture_default_str();
  command->add_option("--instances", options.instances, "of each")->capture_default_str();
  command->add_option("--memory", options.memory_mb, "MB of each instance")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--patience", typed.patience, "without one more instance running")
      ->capture_default_str();
  command->add_option("--steady", typed.steady, "time to keep everything alive")
      ->capture_default_str();
  command->add_option("--heart-beat", typed.heart_beat, "how often a cell says all it runs")
      ->capture_default_str();
  command->add_option("--subscribers", options.subscribers, "of events meanwhile")
      ->capture_default_str();
  command->add_option("--changes", options.flips, "per second meanwhile")->capture_default_str();
  command->add_option("--burst", options.burst, "instances desired at once at the end")
      ->capture_default_str();
  command
      ->add_option("--watch", typed.watched,
                   "PID or NAME=PID of a further process to look at, repeatable")
      ->expected(1)
      ->take_all();
  command->add_option("--label", typed.label, "the run's name in reports");
  command->add_option("--json", typed.json_file, "file for the record of the run");
  command->add_option("--html", typed.html_file, "file for a page with plots");
  command->callback(
      [&typed, &context] { context.exit_status = run_platform_command(typed, context); });
}

}  // namespace causeway::load
