#include <utility>

#include <CLI/CLI.hpp>

#include "bench/load/commands.h"
#include "bench/load/report/files.h"
#include "bench/load/report/report_page.h"

namespace causeway::load {
namespace {

struct ReportArguments final : Arguments {
  std::vector<std::string> files;
  std::string html_file, title = "Load report";
};

int run_report_command(const ReportArguments& arguments) {
  std::vector<RunRecord> records;
  for (const std::string& file : arguments.files) {
    const auto text = read_whole_file(file);
    if (!text) return complain(text.error(), 1);
    auto record = record_from_json(*text);
    if (!record) {
      Error error = record.error();
      error.detail = file + ": " + error.detail;
      return complain(error, 1);
    }
    records.push_back(std::move(record).value());
  }
  if (const auto written = write_report(arguments.html_file, to_html(records, arguments.title));
      !written)
    return complain(written.error(), 1);
  return 0;
}

}  // namespace

void add_report_command(CLI::App& app, Context& context) {
  ReportArguments& typed = context.keep<ReportArguments>();
  CLI::App* report =
      app.add_subcommand("report", "lay the records of several runs over each other");
  report->footer("Example: causeway-bench report ours.json haproxy.json --html report.html");
  report->add_option("FILE", typed.files, "records written by --json; ratios are to the first")
      ->required();
  report->add_option("--html", typed.html_file, "page to write")->required();
  report->add_option("--title", typed.title)->capture_default_str();
  report->callback([&typed, &context] { context.exit_status = run_report_command(typed); });
}

}  // namespace causeway::load
