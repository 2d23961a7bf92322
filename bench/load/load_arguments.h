#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bench/load/commands.h"
#include "bench/load/drive/load_plan.h"
#include "bench/load/drive/run.h"
#include "bench/load/report/run_record.h"

namespace CLI {
class App;
}

namespace causeway::load {

// What all commands that make load take, as typed. Owner: the context.
struct LoadArguments : Arguments {
  bool is_closed = false;
  std::string duration = "10s", warm_up = "0s", timeout = "5s", spacing = "constant";
  std::string send_speed, read_speed;  // bytes/s
  std::string label, json_file, html_file;
  std::vector<std::string> watched;
  std::string ca_file, certificate_file, key_file, tls_version = "1.3";
};

// Adds the options; `options` gets what needs no working out.
void add_load_options(CLI::App& command, LoadArguments& arguments, LoadOptions& options);

// Works the rest out and tries whether the reports can be written.
Result<void> finish_load(const LoadArguments& arguments, LoadOptions& options);

// For the run: watched processes, signals, live progress on a terminal. Fault::invalid: a --watch
// that is none.
Result<RunExtras> extras_of(const LoadArguments& arguments);

// Completes what a run has left, prints its table and writes the reports. Answers the exit status.
int report_run(Result<RunRecord> record, const LoadArguments& arguments, const LoadOptions& options,
               const std::string& target, const Context& context);

}  // namespace causeway::load
