#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"
#include "bench/load/relay/relay.h"

namespace causeway::load {
namespace {

struct RelayArguments final : Arguments {
  std::string listen = "127.0.0.1:0", to;
};

int run_relay_command(const RelayArguments& arguments) {
  const auto listen = parse_listen_address(arguments.listen);
  if (!listen) return complain(listen.error(), 2);
  const auto to = parse_listen_address(arguments.to);
  if (!to) return complain(to.error(), 2);
  const auto relay = Relay::open(*listen, *to);
  if (!relay) return complain(relay.error(), 1);
  std::thread thread([&relay] { (*relay)->run(); });
  wait_for_signal("listening on " + (*relay)->address().to_string());
  (*relay)->stop();
  thread.join();
  return 0;
}

}  // namespace

void add_relay_command(CLI::App& app, Context& context) {
  RelayArguments& typed = context.keep<RelayArguments>();
  CLI::App* relay =
      app.add_subcommand("relay", "a bare epoll relay that parses nothing: the floor for proxies");
  relay->footer(
      "One thread, one backend connection for each client's. Prints \"listening on ADDRESS\" when "
      "ready, ends on SIGTERM\n"
      "or SIGINT.");
  relay->add_option("--listen", typed.listen, "address:port, port 0 takes a free one")
      ->capture_default_str();
  relay->add_option("--to", typed.to, "address:port of the backend")->required();
  relay->callback([&typed, &context] { context.exit_status = run_relay_command(typed); });
}

}  // namespace causeway::load
