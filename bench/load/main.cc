// causeway-bench: load tools for HTTP servers and their backends. Wiring only.

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"
#include "bench/load/measure/quantity.h"
#include "net/signals.h"

int main(int argc, char** argv) {
  causeway::net::ignore_sigpipe();
  causeway::load::Context context;
  for (int i = 0; i < argc; ++i) {
    if (i > 0) context.command_line += ' ';
    context.command_line += i == 0 ? "causeway-bench" : causeway::load::shell_word(argv[i]);
  }
  CLI::App app("Load for HTTP servers, sent when it is due, and what is needed around it.",
               "causeway-bench");
  app.require_subcommand(1);
  app.set_version_flag("--version", "causeway-bench " CAUSEWAY_VERSION);
  causeway::load::add_http_command(app, context);
  causeway::load::add_websocket_command(app, context);
  causeway::load::add_tcp_command(app, context);
  causeway::load::add_backend_command(app, context);
  causeway::load::add_report_command(app, context);
  causeway::load::add_relay_command(app, context);
  causeway::load::add_churn_command(app, context);
  causeway::load::add_platform_command(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return context.exit_status;
}
