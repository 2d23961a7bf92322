#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"
#include "bench/load/load_arguments.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/websocket/websocket_plan.h"

namespace causeway::load {
namespace {

struct WebSocketArguments final : LoadArguments {
  WebSocketOptions options;
  std::string message_bytes = "128";
  std::vector<std::string> headers;
};

Result<void> finish_websocket(WebSocketArguments& arguments) {
  WebSocketOptions& options = arguments.options;
  if (auto finished = finish_load(arguments, options); !finished) return finished;
  for (const std::string& line : arguments.headers) {
    auto header = parse_header(line);
    if (!header) return header.error();
    options.headers.push_back(std::move(header).value());
  }
  const auto bytes = parse_bytes(arguments.message_bytes);
  if (!bytes) return bytes.error();
  options.message_bytes = *bytes;
  return {};
}

int run_websocket_command(WebSocketArguments& arguments, const Context& context) {
  if (const auto finished = finish_websocket(arguments); !finished)
    return complain(finished.error(), 2);
  const WebSocketOptions& options = arguments.options;
  const auto plan = make_websocket_plan(options);
  if (!plan) return complain(plan.error(), plan.error().fault == Fault::invalid ? 2 : 1);
  const auto extras = extras_of(arguments);
  if (!extras) return complain(extras.error(), 2);
  const std::string target = !options.urls.empty() ? options.urls.front() : options.targets_file;
  return report_run(run_websocket(*plan, *extras), arguments, options, target, context);
}

}  // namespace

void add_websocket_command(CLI::App& app, Context& context) {
  WebSocketArguments& typed = context.keep<WebSocketArguments>();
  WebSocketOptions& options = typed.options;
  CLI::App* websocket =
      app.add_subcommand("websocket", "messages on WebSockets, echoed by the server");
  websocket->footer(
      "Opens the connections, then sends messages at the rate, in rotation; a unit is a message, "
      "from when it was due until all\n"
      "of it has come back. Connections that break are opened again by their next message, and "
      "counted.\n\n"
      "Examples:\n"
      "  causeway-bench websocket ws://127.0.0.1:8081/ -c 1000 --rate 5000 --message-bytes 1k\n"
      "  causeway-bench websocket ws://127.0.0.1:8081/ -c 10000 --hold --duration 1m --watch "
      "$(pidof router)");
  websocket->add_option("URL", options.urls,
                        "ws[s]://host[:port][/path], may hold ranges {1..1000}");
  websocket->add_option("--targets", options.targets_file, "file with one URL per line");
  websocket->add_option("--connect", options.connect,
                        "host:port to connect to, whatever the URLs say");
  websocket->add_option("--message-bytes", typed.message_bytes, "size of a message, up to 16M")
      ->capture_default_str();
  websocket->add_option("-H,--header", typed.headers, "\"Name: value\" of the upgrade, repeatable")
      ->expected(1)
      ->take_all();
  add_load_options(*websocket, typed, options);
  websocket->callback(
      [&typed, &context] { context.exit_status = run_websocket_command(typed, context); });
}

}  // namespace causeway::load
