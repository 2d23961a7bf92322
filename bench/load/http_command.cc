#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"
#include "bench/load/http/http_run.h"
#include "bench/load/load_arguments.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/report/files.h"

namespace causeway::load {
namespace {

// As typed; worked out by finish_http().
struct HttpArguments final : LoadArguments {
  HttpOptions options;
  std::string body_file, body_bytes;
  std::vector<std::string> headers;
};

Result<void> finish_http(HttpArguments& arguments) {
  HttpOptions& options = arguments.options;
  if (auto finished = finish_load(arguments, options); !finished) return finished;
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
  return {};
}

int run_http_command(HttpArguments& arguments, const Context& context) {
  if (const auto finished = finish_http(arguments); !finished) return complain(finished.error(), 2);
  const HttpOptions& options = arguments.options;
  const auto plan = make_http_plan(options);
  if (!plan) return complain(plan.error(), plan.error().fault == Fault::invalid ? 2 : 1);
  const auto extras = extras_of(arguments);
  if (!extras) return complain(extras.error(), 2);
  const std::string target = !options.urls.empty() ? options.urls.front() : options.targets_file;
  return report_run(run_http(*plan, *extras), arguments, options, target, context);
}

}  // namespace

void add_http_command(CLI::App& app, Context& context) {
  HttpArguments& typed = context.keep<HttpArguments>();
  HttpOptions& options = typed.options;
  CLI::App* http = app.add_subcommand("http", "load on HTTP servers");
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
      "--watch $(pidof router)\n"
      "  causeway-bench http http://127.0.0.1:8081/bytes/1M --closed -c 500 --read-speed 10k "
      "--timeout 3m\n"
      "  causeway-bench http https://127.0.0.1:8443/ --insecure --http2 --streams 32 -c 4 --rate "
      "5000");
  http->add_option("URL", options.urls, "http[s]://host[:port][/path], may hold ranges {1..1000}");
  http->add_option("--targets", options.targets_file, "file with one URL per line");
  http->add_option("--connect", options.connect, "host:port to connect to, whatever the URLs say");
  http->add_option("--method", options.method, "default GET, or POST with a body");
  http->add_option("-H,--header", typed.headers, "\"Name: value\", repeatable")
      ->expected(1)
      ->take_all();
  CLI::Option* file = http->add_option("--body", typed.body_file, "file to send as body");
  http->add_option("--body-bytes", typed.body_bytes, "send a body of that many bytes")
      ->excludes(file);
  http->add_flag("--close", options.close_each, "a new connection for each request");
  http->add_flag("--http2", options.is_http2, "HTTP/2: by prior knowledge, or by ALPN for https");
  http->add_option("--streams", options.streams, "HTTP/2: requests in flight on each connection")
      ->capture_default_str();
  add_load_options(*http, typed, options);
  http->callback([&typed, &context] { context.exit_status = run_http_command(typed, context); });
}

}  // namespace causeway::load
