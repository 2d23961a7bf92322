#include "bench/load/load_arguments.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include <CLI/CLI.hpp>

#include "bench/load/measure/histogram.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/report/files.h"
#include "bench/load/report/report_page.h"

namespace causeway::load {
namespace {

Error bad_argument(std::string detail) {
  return {.fault = Fault::invalid, .detail = std::move(detail)};
}

Result<void> set_speed(double& speed, const std::string& text, const char* name) {
  if (text.empty()) return {};
  const auto parsed = parse_bytes(text);
  if (!parsed || *parsed == 0)
    return bad_argument(std::string(name) + ": expected bytes/s above 0, not \"" + text + "\"");
  speed = static_cast<double>(*parsed);
  return {};
}

bool shows_progress() { return ::isatty(STDERR_FILENO) == 1; }

void add_tls_options(CLI::App& command, LoadArguments& arguments, TlsOptions& options) {
  const char* group = "TLS";
  command.add_flag("--insecure", options.is_insecure, "trust every server")->group(group);
  command
      .add_option("--ca", arguments.ca_file, "PEM file of whom to trust instead of the system's")
      ->group(group);
  command.add_option("--cert", arguments.certificate_file, "PEM file shown to servers that ask")
      ->group(group);
  command.add_option("--key", arguments.key_file, "its PEM key")->group(group);
  command
      .add_option("--sni", options.server_name,
                  "name asked for and verified, instead of each address's first host")
      ->group(group);
  command.add_flag("--resume", options.resumes, "resume sessions of earlier connections")
      ->group(group);
  command.add_option("--tls-max", arguments.tls_version, "highest version")
      ->check(CLI::IsMember({"1.2", "1.3"}))
      ->capture_default_str()
      ->group(group);
}

Result<void> finish_tls(const LoadArguments& arguments, TlsOptions& options) {
  const std::pair<const std::string*, std::string*> files[] = {
      {&arguments.ca_file, &options.ca_pem},
      {&arguments.certificate_file, &options.certificate_pem},
      {&arguments.key_file, &options.key_pem}};
  for (const auto& [file, text] : files) {
    if (file->empty()) continue;
    auto read = read_whole_file(*file);
    if (!read) return read.error();
    *text = std::move(read).value();
  }
  options.is_1_2_at_most = arguments.tls_version == "1.2";
  return {};
}

}  // namespace

void add_load_options(CLI::App& command, LoadArguments& arguments, LoadOptions& options) {
  command.add_option("--rate", options.rate, "open loop, units/s: N, N:M (ramp), N,M,... (steps)")
      ->group("Pace");
  command
      .add_flag("--closed", arguments.is_closed,
                "closed loop: each connection sends when its reply has come")
      ->group("Pace");
  command.add_flag("--hold", options.holds_only, "open the connections, keep them, send nothing")
      ->group("Pace");
  command.add_option("--arrivals", arguments.spacing, "spacing of an open loop's units")
      ->check(CLI::IsMember({"constant", "poisson"}))
      ->capture_default_str()
      ->group("Pace");
  command.add_option("--seed", options.seed, "of what is random")
      ->capture_default_str()
      ->group("Pace");
  command.add_option("-d,--duration", arguments.duration, "measured time")
      ->capture_default_str()
      ->group("Pace");
  command.add_option("--warm-up", arguments.warm_up, "before it, not measured")
      ->capture_default_str()
      ->group("Pace");
  command.add_option("--timeout", arguments.timeout, "per unit, from when it is due")
      ->capture_default_str()
      ->group("Pace");
  command.add_option("-c,--connections", options.connections, "connections over all threads")
      ->capture_default_str()
      ->group("Clients");
  command.add_option("-t,--threads", options.threads, "worker threads")
      ->capture_default_str()
      ->group("Clients");
  command
      .add_option("--send-speed", arguments.send_speed,
                  "slow clients: send that many bytes/s on each connection")
      ->group("Clients");
  command
      .add_option("--read-speed", arguments.read_speed,
                  "slow clients: read that many bytes/s on each connection")
      ->group("Clients");
  add_tls_options(command, arguments, options.tls);
  command.add_option("--digits", options.digits, "significant digits of latencies")
      ->check(CLI::Range(Histogram::digits_min, Histogram::digits_max))
      ->capture_default_str()
      ->group("Reports");
  command
      .add_option("--watch", arguments.watched,
                  "PID or NAME=PID of a process whose CPU per unit to report, repeatable")
      ->expected(1)
      ->take_all()
      ->group("Reports");
  command.add_option("--label", arguments.label, "the run's name in reports")->group("Reports");
  command.add_option("--json", arguments.json_file, "file for the record of the run")
      ->group("Reports");
  command
      .add_option(
          "--html", arguments.html_file,
          "file for a page with plots; `causeway-bench report` lays several runs over each other")
      ->group("Reports");
}

Result<void> finish_load(const LoadArguments& arguments, LoadOptions& options) {
  if (auto set = set_duration(options.duration, arguments.duration, "--duration"); !set) return set;
  if (auto set = set_duration(options.warm_up, arguments.warm_up, "--warm-up"); !set) return set;
  if (auto set = set_duration(options.timeout, arguments.timeout, "--timeout"); !set) return set;
  if (auto set = set_speed(options.speed.send, arguments.send_speed, "--send-speed"); !set)
    return set;
  if (auto set = set_speed(options.speed.read, arguments.read_speed, "--read-speed"); !set)
    return set;
  options.spacing = arguments.spacing == "poisson" ? Spacing::poisson : Spacing::constant;
  const int paces = int{!options.rate.empty()} + int{arguments.is_closed} + int{options.holds_only};
  if (paces != 1)
    return bad_argument("give either --rate (open loop) or --closed or --hold (nothing is sent)");
  if (auto read = finish_tls(arguments, options.tls); !read) return read;
  const std::string files[] = {arguments.json_file, arguments.html_file};
  if (auto possible = check_report_files(files); !possible) return possible;
  return {};
}

Result<RunExtras> extras_of(const LoadArguments& arguments) {
  RunExtras extras;
  for (const std::string& text : arguments.watched) {
    auto process = parse_watched(text);
    if (!process) return process.error();
    extras.watched.push_back(std::move(process).value());
  }
  extras.catches_signals = true;
  if (shows_progress())
    extras.on_progress = [](const std::string& line) {
      std::fprintf(stderr, "\r\033[K%s", line.c_str());
    };
  return extras;
}

int report_run(Result<RunRecord> record, const LoadArguments& arguments, const LoadOptions& options,
               const std::string& target, const Context& context) {
  if (shows_progress()) std::fprintf(stderr, "\r\033[K");
  if (!record) return complain(record.error(), 1);
  record->version = CAUSEWAY_VERSION;
  record->command = context.command_line;
  record->target = target;
  record->rate = options.rate;
  record->label = arguments.label.empty() ? target : arguments.label;
  const ReportFile files[] = {{arguments.json_file, to_json(*record) + "\n"},
                              {arguments.html_file, to_html({*record}, record->label)}};
  int status = give_out(to_table(*record), files);
  if (status == 0 && !record->partial.empty()) status = 130;
  if (status == 0 && record->replies == 0 && !options.holds_only)
    status = complain(
        {.fault = Fault::unavailable, .detail = "not one of the " + record->unit + " was answered"},
        1);
  return status;
}

}  // namespace causeway::load
