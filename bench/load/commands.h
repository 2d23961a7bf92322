#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"

namespace CLI {
class App;
}

namespace causeway::load {

// What a command has read from its command line.
struct Arguments {
  virtual ~Arguments() = default;
};

// What commands share. Owner: main().
struct Context {
  std::string command_line;  // as given, for reports
  std::vector<std::unique_ptr<Arguments>> arguments;
  int exit_status = 0;  // 0; 1 a failed run or report; 2 bad usage; 130 interrupted

  template <class Kind>
  Kind& keep() {
    auto made = std::make_unique<Kind>();
    Kind& kind = *made;
    arguments.push_back(std::move(made));
    return kind;
  }
};

void add_http_command(CLI::App& app, Context& context);
void add_websocket_command(CLI::App& app, Context& context);
void add_tcp_command(CLI::App& app, Context& context);
void add_backend_command(CLI::App& app, Context& context);
void add_report_command(CLI::App& app, Context& context);
void add_relay_command(CLI::App& app, Context& context);
void add_churn_command(CLI::App& app, Context& context);
void add_platform_command(CLI::App& app, Context& context);

// Says on stderr what is wrong; answers `status`.
int complain(const Error& error, int status);
// What was typed for the option `name`, such as "1m30s".
Result<void> set_duration(Duration& duration, const std::string& text, const char* name);
// A report as text, and where it was asked for; an empty path: nowhere.
struct ReportFile {
  std::string path, text;
};
// Can they all be written? Asked before a run, so that none is made in vain.
Result<void> check_report_files(std::span<const std::string> paths);
// Prints a run's table and writes its reports. Answers the exit status: 0, or 1 when something
// could not be written; the rest is written all the same.
int give_out(const std::string& table, std::span<const ReportFile> files);
// "127.0.0.1:0", "[::1]:8080"
Result<net::Address> parse_listen_address(const std::string& text);
// Prints `ready` on stdout once a signal would be noticed, and waits for SIGINT or SIGTERM.
void wait_for_signal(const std::string& ready);

}  // namespace causeway::load
