#include <unistd.h>

#include <cstdio>
#include <utility>

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"
#include "bench/load/http/http_run.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/report/files.h"
#include "bench/load/report/report_page.h"

namespace causeway::load {
namespace {

// As typed; worked out by finish().
struct HttpArguments final : Arguments {
  HttpOptions options;
  bool is_closed = false;
  std::string duration = "10s", warm_up = "0s", timeout = "5s", spacing = "constant";
  std::string body_file, body_bytes, label, json_file, html_file;
  std::vector<std::string> headers;
  std::vector<std::string> watched;
};

Result<void> set_duration(Duration& duration, const std::string& text, const char* name) {
  const auto parsed = parse_duration(text);
  if (!parsed)
    return Error{.fault = Fault::invalid,
                 .detail = std::string(name) + ": " + parsed.error().detail};
  duration = *parsed;
  return {};
}

Result<void> finish(HttpArguments& arguments) {
  HttpOptions& options = arguments.options;
  if (auto set = set_duration(options.duration, arguments.duration, "--duration"); !set) return set;
  if (auto set = set_duration(options.warm_up, arguments.warm_up, "--warm-up"); !set) return set;
  if (auto set = set_duration(options.timeout, arguments.timeout, "--timeout"); !set) return set;
  options.spacing = arguments.spacing == "poisson" ? Spacing::poisson : Spacing::constant;
  if (arguments.is_closed == !options.rate.empty())
    return Error{.fault = Fault::invalid, .detail = "give either --rate (open loop) or --closed"};
  for (const std::string& line : arguments.headers) {
    auto header = parse_header(line);
    if (!header) return header.error();
    options.headers.push_back(std::move(header).value());
  }
  if (!arguments.body_file.empty()) {
    auto body = read_whole_file(arguments.body_file);
    if (!body) return body.error();
    options.body = std::move(body).value();
  }
  if (!arguments.body_bytes.empty()) {
    constexpr uint64_t body_bytes_max = 1u << 30;
    const auto bytes = parse_bytes(arguments.body_bytes);
    if (!bytes) return bytes.error();
    if (*bytes > body_bytes_max)
      return Error{.fault = Fault::limit, .detail = "--body-bytes: at most 1G"};
    options.body.assign(static_cast<size_t>(*bytes), 'x');
  }
  for (const std::string& file : {arguments.json_file, arguments.html_file}) {
    if (file.empty()) continue;
    if (auto possible = check_report_path(file); !possible) return possible;
  }
  return {};
}

int run_http_command(HttpArguments& arguments, const Context& context) {
  if (const auto finished = finish(arguments); !finished) return complain(finished.error(), 2);
  const auto plan = make_http_plan(arguments.options);
  if (!plan) return complain(plan.error(), plan.error().fault == Fault::invalid ? 2 : 1);
  RunExtras extras;
  for (const std::string& text : arguments.watched) {
    auto process = parse_watched(text);
    if (!process) return complain(process.error(), 2);
    extras.watched.push_back(std::move(process).value());
  }
  extras.catches_signals = true;
  const bool is_live = ::isatty(STDERR_FILENO) == 1;
  if (is_live)
    extras.on_progress = [](const std::string& line) {
      std::fprintf(stderr, "\r\033[K%s", line.c_str());
    };
  auto record = run_http(*plan, extras);
  if (is_live) std::fprintf(stderr, "\r\033[K");
  if (!record) return complain(record.error(), 1);
  record->version = CAUSEWAY_VERSION;
  record->command = context.command_line;
  record->target = !arguments.options.urls.empty() ? arguments.options.urls.front()
                                                   : arguments.options.targets_file;
  record->rate = arguments.options.rate;
  record->label = arguments.label.empty() ? record->target : arguments.label;
  std::fputs(to_table(*record).c_str(), stdout);
  int status = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    status = complain({.fault = Fault::io, .detail = "cannot write to standard output"}, 1);
  if (!arguments.json_file.empty()) {
    if (const auto written = write_report(arguments.json_file, to_json(*record) + "\n"); !written)
      status = complain(written.error(), 1);
  }
  if (!arguments.html_file.empty()) {
    if (const auto written = write_report(arguments.html_file, to_html({*record}, record->label));
        !written)
      status = complain(written.error(), 1);
  }
  if (status == 0 && !record->partial.empty()) status = 130;
  if (status == 0 && record->replies == 0 && !arguments.options.holds_only)
    status = complain({.fault = Fault::unavailable, .detail = "not one request was answered"}, 1);
  return status;
}

}  // namespace

void add_http_command(CLI::App& app, Context& context) {
  HttpArguments& typed = context.keep<HttpArguments>();
  HttpOptions& options = typed.options;
  CLI::App* http = app.add_subcommand("http", "load on HTTP/1.1 servers");
  http->footer(
      "Latency of an open loop counts from when a request was due, so that a server that stalls "
      "cannot hide it.\n"
      "URLs may hold ranges: 'http://app-{1..1000}.example.com/'; targets are asked in rotation.\n"
      "Exit: 0 measured, 1 failed, 2 bad usage, 130 interrupted (what was measured is reported, "
      "marked partial).\n\n"
      "Examples:\n"
      "  causeway-bench http http://127.0.0.1:8081/ --rate 5000 --connections 64 --duration 30s "
      "--warm-up 5s\n"
      "  causeway-bench http http://127.0.0.1:8081/ --rate 100:20000 --arrivals poisson --json "
      "ramp.json\n"
      "  causeway-bench http 'http://app-{1..1000}.test/' --connect 127.0.0.1:8081 --closed "
      "--watch $(pidof router)");
  http->add_option("URL", options.urls, "http://host[:port][/path], may hold ranges {1..1000}");
  http->add_option("--targets", options.targets_file, "file with one URL per line");
  http->add_option("--connect", options.connect, "host:port to connect to, whatever the URLs say");
  http->add_option("--rate", options.rate, "open loop, requests/s: N, N:M (ramp), N,M,... (steps)");
  http->add_flag("--closed", typed.is_closed,
                 "closed loop: each connection sends when its reply has come");
  http->add_option("--arrivals", typed.spacing, "spacing of an open loop's requests")
      ->check(CLI::IsMember({"constant", "poisson"}))
      ->capture_default_str();
  http->add_option("--seed", options.seed, "of poisson arrivals")->capture_default_str();
  http->add_option("-c,--connections", options.connections, "requests in flight at most")
      ->capture_default_str();
  http->add_option("-t,--threads", options.threads, "worker threads")->capture_default_str();
  http->add_option("-d,--duration", typed.duration, "measured time")->capture_default_str();
  http->add_option("--warm-up", typed.warm_up, "before it, not measured")->capture_default_str();
  http->add_option("--timeout", typed.timeout, "per request, from when it is due")
      ->capture_default_str();
  http->add_option("--method", options.method, "default GET, or POST with a body");
  http->add_option("-H,--header", typed.headers, "\"Name: value\", repeatable")
      ->expected(1)
      ->take_all();
  CLI::Option* file = http->add_option("--body", typed.body_file, "file to send as body");
  http->add_option("--body-bytes", typed.body_bytes, "send a body of that many bytes")
      ->excludes(file);
  http->add_flag("--close", options.close_each, "a new connection for each request");
  http->add_option("--digits", options.digits, "significant digits of latencies")
      ->check(CLI::Range(Histogram::digits_min, Histogram::digits_max))
      ->capture_default_str();
  http->add_option("--watch", typed.watched,
                   "PID or NAME=PID of a process whose CPU per request to report, repeatable")
      ->expected(1)
      ->take_all();
  http->add_option("--label", typed.label, "the run's name in reports");
  http->add_option("--json", typed.json_file, "file for the record of the run");
  http->add_option(
      "--html", typed.html_file,
      "file for a page with plots; `causeway-bench report` lays several runs over each other");
  http->callback([&typed, &context] { context.exit_status = run_http_command(typed, context); });
}

}  // namespace causeway::load
