// causeway: run apps, look at them, drive a platform. Wiring only.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "net/signals.h"
#include "tools/causeway/commands.h"
#include "tools/causeway/context.h"
#include "tools/causeway/dot.h"
#include "tools/causeway/platform_commands.h"
#include "tools/causeway/router_commands.h"

#ifndef CAUSEWAY_VERSION
#define CAUSEWAY_VERSION "0.1.0"
#endif

namespace {

// As cfdot: what is wrong, how the command is used, and its exit status.
int refuse_dot(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  std::fprintf(stderr, "Error: %s\n%s", error.what(), command->help().c_str());
  return causeway::cli::Dot::kInvalid;
}

}  // namespace

int main(int argc, char** argv) {
  causeway::net::ignore_sigpipe();
  causeway::cli::Context context;
  context.state_dir = "/var/lib/causeway";
  CLI::App app("Run apps on a Causeway platform, and the platform itself.", "causeway");
  app.footer(
      "Examples:\n"
      "  causeway run shop --command 'exec /app/sample-app' --port 8080 --route shop.localhost "
      "--instances 2\n"
      "  causeway ps\n"
      "  causeway scale shop 3\n"
      "  causeway logs shop -f\n"
      "  causeway task run hi --command 'echo hello' --wait\n"
      "  causeway stop shop\n"
      "  causeway completion bash > /etc/bash_completion.d/causeway");
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the command
  app.set_version_flag("--version", "causeway " CAUSEWAY_VERSION);
  app.add_option("--state", context.state_dir, "state folder of the platform on this machine")
      ->envname("CAUSEWAY_STATE")
      ->capture_default_str();
  app.add_option("--bbs", context.bbs_url,
                 "BBS to talk to, https://host:port; default: the one of that platform")
      ->envname("BBS_URL");
  causeway::cli::TlsOptions& tls = context.tls;
  app.add_option("--caCertFile", tls.ca_file, "for https: PEM of who signs the platform's names")
      ->envname("CA_CERT_FILE");
  app.add_option("--clientCertFile", tls.certificate_file, "for https: our certificate, PEM")
      ->envname("CLIENT_CERT_FILE");
  app.add_option("--clientKeyFile", tls.key_file, "for https: its key, PEM")
      ->envname("CLIENT_KEY_FILE");
  app.add_flag("--skipCertVerify", tls.skips_verification, "for https: believe whoever answers")
      ->envname("SKIP_CERT_VERIFY");
  app.add_flag("--json", context.json, "answer as JSON");
  causeway::cli::add_app_commands(app, context);
  causeway::cli::add_view_commands(app, context);
  causeway::cli::add_stream_commands(app, context);
  causeway::cli::add_task_commands(app, context);
  causeway::cli::add_dot_commands(app, context);
  causeway::cli::add_platform_commands(app, context);
  causeway::cli::add_router_commands(app, context);
  causeway::cli::add_completion_command(app, context);
  std::vector<std::string> words(argv + 1, argv + argc);
  if (std::filesystem::path(argv[0]).filename() == "cfdot") {
    words.insert(words.begin(), {"--json", "dot"});
  }
  std::reverse(words.begin(), words.end());  // as CLI11 takes them
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0 && app.got_subcommand("dot")) return refuse_dot(app, error);
    return app.exit(error);
  }
  return context.exit_status;
}
