#include <unistd.h>

#include <cstdio>
#include <utility>

#include <CLI/CLI.hpp>

#include "bench/churn/churn_run.h"
#include "bench/load/commands.h"
#include "bench/load/measure/quantity.h"

namespace causeway::load {
namespace {

// As typed; worked out by finish().
struct ChurnArguments final : Arguments {
  churn::ChurnOptions options;
  std::string refresh = "20s", quiet = "5s", duration = "20s", timeout = "60s";
  std::string label, json_file, html_file;
  std::vector<std::string> watched;
};

Result<void> finish(ChurnArguments& arguments) {
  churn::ChurnOptions& options = arguments.options;
  if (auto set = set_duration(options.refresh, arguments.refresh, "--refresh"); !set) return set;
  if (auto set = set_duration(options.quiet, arguments.quiet, "--quiet"); !set) return set;
  if (auto set = set_duration(options.churn_duration, arguments.duration, "--duration"); !set)
    return set;
  if (auto set = set_duration(options.timeout, arguments.timeout, "--timeout"); !set) return set;
  const std::string files[] = {arguments.json_file, arguments.html_file};
  if (auto possible = check_report_files(files); !possible) return possible;
  return {};
}

int run_churn_command(ChurnArguments& arguments, const Context& context) {
  if (const auto finished = finish(arguments); !finished) return complain(finished.error(), 2);
  const auto plan = churn::make_churn_plan(arguments.options);
  if (!plan) return complain(plan.error(), plan.error().fault == Fault::invalid ? 2 : 1);
  churn::ChurnExtras extras;
  for (const std::string& text : arguments.watched) {
    auto process = parse_watched(text);
    if (!process) return complain(process.error(), 2);
    extras.watched.push_back(std::move(process).value());
  }
  extras.catches_signals = true;
  if (::isatty(STDERR_FILENO) == 1)
    extras.on_progress = [](const std::string& line) {
      std::fprintf(stderr, "%s\n", line.c_str());
    };
  auto record = churn::run_churn(*plan, extras);
  if (!record) return complain(record.error(), 1);
  record->version = CAUSEWAY_VERSION;
  record->command = context.command_line;
  record->label = arguments.label.empty() ? "churn at " + record->router : arguments.label;
  for (RunRecord& run : record->traffic) {
    run.version = record->version;
    run.command = record->command;
  }
  const ReportFile files[] = {{arguments.json_file, to_json(*record) + "\n"},
                              {arguments.html_file, to_html(*record)}};
  int status = give_out(to_table(*record), files);
  if (status == 0 && !record->partial.empty()) status = 130;
  if (status == 0 && (record->missing > 0 || record->unseen > 0 || record->routable_seconds < 0))
    status = complain({.fault = Fault::unavailable, .detail = "the router missed routes"}, 1);
  return status;
}

}  // namespace

void add_churn_command(CLI::App& app, Context& context) {
  ChurnArguments& typed = context.keep<ChurnArguments>();
  churn::ChurnOptions& options = typed.options;
  CLI::App* churn = app.add_subcommand("churn", "routes that come and go, over NATS");
  churn->footer(
      "Phases: traffic alone; registration of all routes; all of them refreshed and some replaced; "
      "removal.\n"
      "Traffic asks for 16 routes of its own that stay. Every change is asked for until it shows.\n"
      "Exit: 0 measured, 1 failed or routes were missed, 2 bad usage, 130 interrupted or "
      "partial.\n\n"
      "Example:\n"
      "  causeway-bench backend --listen 127.0.0.1:9000 &\n"
      "  causeway-bench churn --nats 127.0.0.1:4222 --router 127.0.0.1:8081 --backend "
      "127.0.0.1:9000 \\\n"
      "    --routes 100000 --replace 50 --rate 1000 --watch $(pidof router)");
  churn->add_option("--nats", options.nats, "host:port of a NATS server, repeatable")
      ->required()
      ->expected(1)
      ->take_all();
  churn->add_option("--router", options.router, "host:port where the router takes requests")
      ->required();
  churn
      ->add_option("--backend", options.backends,
                   "host:port that endpoints point at, may hold ranges {1..4}, repeatable")
      ->required()
      ->expected(1)
      ->take_all();
  churn->add_option("--domain", options.domain, "of all routes")->capture_default_str();
  churn->add_option("--routes", options.routes, "to register")->capture_default_str();
  churn->add_option("--endpoints", options.endpoints, "of each route")->capture_default_str();
  churn->add_option("--register-rate", options.register_rate,
                    "messages/s of the registration; 0: as fast as NATS takes them");
  churn->add_option("--refresh", typed.refresh, "how often each endpoint is said again; 0s: never")
      ->capture_default_str();
  churn
      ->add_option("--replace", options.churn_rate, "routes added, and as many removed, per second")
      ->capture_default_str();
  churn->add_option("--rate", options.traffic, "requests/s beside it, open loop");
  churn->add_option("-c,--connections", options.connections, "of that traffic")
      ->capture_default_str();
  churn->add_option("--quiet", typed.quiet, "traffic alone, to compare with")
      ->capture_default_str();
  churn->add_option("-d,--duration", typed.duration, "of refreshing and replacing")
      ->capture_default_str();
  churn->add_option("--timeout", typed.timeout, "for a change to show")->capture_default_str();
  churn->add_option("--verify", options.verify, "routes asked for after the registration")
      ->capture_default_str();
  churn->add_flag("--keep", options.keep, "leave the routes registered at the end");
  churn
      ->add_option("--watch", typed.watched,
                   "PID or NAME=PID of a process whose CPU and memory to report, repeatable")
      ->expected(1)
      ->take_all();
  churn->add_option("--label", typed.label, "the run's name in reports");
  churn->add_option("--json", typed.json_file, "file for the record of the run");
  churn->add_option("--html", typed.html_file, "file for a page with plots");
  churn->callback([&typed, &context] { context.exit_status = run_churn_command(typed, context); });
}

}  // namespace causeway::load
