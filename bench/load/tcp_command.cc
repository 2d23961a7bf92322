#include <map>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"
#include "bench/load/load_arguments.h"
#include "bench/load/measure/quantity.h"
#include "bench/load/tcp/tcp_plan.h"

namespace causeway::load {
namespace {

struct TcpArguments final : LoadArguments {
  TcpOptions options;
  std::string mode = "connect", block = "256k";
};

Result<void> finish_tcp(TcpArguments& arguments) {
  static const std::map<std::string, TcpOptions::Mode> modes{
      {"connect", TcpOptions::Mode::connect},
      {"echo", TcpOptions::Mode::echo},
      {"send", TcpOptions::Mode::send},
      {"receive", TcpOptions::Mode::receive}};
  TcpOptions& options = arguments.options;
  if (auto finished = finish_load(arguments, options); !finished) return finished;
  options.mode = modes.at(arguments.mode);  // checked by its option
  const auto block = parse_bytes(arguments.block);
  if (!block) return block.error();
  options.block_bytes = *block;
  return {};
}

int run_tcp_command(TcpArguments& arguments, const Context& context) {
  if (const auto finished = finish_tcp(arguments); !finished) return complain(finished.error(), 2);
  const auto plan = make_tcp_plan(arguments.options);
  if (!plan) return complain(plan.error(), plan.error().fault == Fault::invalid ? 2 : 1);
  const auto extras = extras_of(arguments);
  if (!extras) return complain(extras.error(), 2);
  return report_run(run_tcp(*plan, *extras), arguments, arguments.options,
                    arguments.options.targets.front(), context);
}

}  // namespace

void add_tcp_command(CLI::App& app, Context& context) {
  TcpArguments& typed = context.keep<TcpArguments>();
  TcpOptions& options = typed.options;
  CLI::App* tcp = app.add_subcommand("tcp", "connections at a rate, or bytes over N connections");
  tcp->footer(
      "Modes: connect (a unit is a connection, until it stands), echo (a unit is a block, until it "
      "has come back),\n"
      "send (until the kernel has taken it), receive (until it has come). Servers for them: "
      "causeway-bench backend\n"
      "--tcp-echo, --tcp-sink, --tcp-source.\n\n"
      "Examples:\n"
      "  causeway-bench tcp 127.0.0.1:1024 --rate 2000 --round-trip --reset\n"
      "  causeway-bench tcp 127.0.0.1:1024 --mode echo --closed -c 16 --duration 20s");
  tcp->add_option("TARGET", options.targets, "host:port, may hold ranges {1..100}")->required();
  tcp->add_option("--mode", typed.mode, "connect, echo, send or receive")
      ->check(CLI::IsMember({"connect", "echo", "send", "receive"}))
      ->capture_default_str();
  tcp->add_option("--block", typed.block, "bytes of a block, up to 64M")->capture_default_str();
  tcp->add_flag("--round-trip", options.round_trip,
                "connect: wait for a byte to come back, all the way through a proxy");
  tcp->add_flag("--reset", options.resets,
                "connect: close with RST, so that no port rests in TIME_WAIT");
  tcp->add_flag("--tls", options.is_tls, "TLS over it; a connection stands with its handshake");
  add_load_options(*tcp, typed, options);
  tcp->callback([&typed, &context] { context.exit_status = run_tcp_command(typed, context); });
}

}  // namespace causeway::load
