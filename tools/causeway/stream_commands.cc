#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include <CLI/CLI.hpp>

#include "cf/models/models.h"
#include "json/json.h"
#include "tools/causeway/commands.h"
#include "tools/causeway/context.h"
#include "tools/causeway/event_line.h"
#include "tools/causeway/session.h"

namespace causeway::cli {
namespace {

struct LogOptions {
  std::string name;
  bool follow = false;
  int lines = 100;
  int instance = -1;  // all
};

// One line as the rep serves it, e.g. "2026-01-01T10:00:00.000Z [APP/PROC/WEB/0] OUT listening".
void print_log_line(const Context& context, std::string_view record) {
  if (context.json) {
    std::printf("%.*s\n", static_cast<int>(record.size()), record.data());
    return;
  }
  const Result<json::Document> document = json::Document::parse(record);
  if (!document) return;
  const json::Node line = document->root();
  const std::string_view message = line["message"].string().value_or("");
  std::printf("%s [%s/%lld] %s %.*s\n",
              std::string(line["timestamp"].string().value_or("")).c_str(),
              std::string(line["source_type"].string().value_or("APP")).c_str(),
              static_cast<long long>(line["instance"].integer().value_or(0)),
              std::string(line["stream"].string().value_or("OUT")).c_str(),
              static_cast<int>(message.size()), message.data());
}

std::string timestamp_of(const std::string& record) {
  const Result<json::Document> document = json::Document::parse(record);
  return document ? std::string(document->root()["timestamp"].string().value_or(""))
                  : std::string();
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string query_of(const LogOptions& wanted) {
  std::string query = "?lines=" + std::to_string(wanted.lines);
  if (wanted.instance >= 0) query += "&instance=" + std::to_string(wanted.instance);
  if (wanted.follow) query += "&follow=true";
  return query;
}

rpc::Call log_call(const std::string& rep_url, const LogOptions& wanted) {
  rpc::Call call;
  call.method = "GET";
  call.url = rep_url + "/v1/logs/" + wanted.name + query_of(wanted);
  return call;
}

// Every cell is asked: instances move, and what a stopped one wrote may still be there.
int print_logs(const Context& context, Session& session, const models::CellsResponse& cells,
               const LogOptions& wanted) {
  std::vector<std::string> records;
  bool known = false;
  for (const models::CellPresence& cell : cells.cells()) {
    const Result<rpc::Reply> reply = session.send(log_call(cell.rep_url(), wanted));
    if (!reply) {
      std::fprintf(stderr, "causeway: cell %s does not answer: %s\n", cell.cell_id().c_str(),
                   to_string(reply.error()).c_str());
      continue;
    }
    known = known || reply->status == 200;
    for (std::string& line : split_lines(reply->body)) {
      if (reply->status == 200) records.push_back(std::move(line));
    }
  }
  if (!known) {
    return Context::fail(
        {.fault = Fault::not_found, .detail = "no cell has logs of \"" + wanted.name + "\""},
        "causeway ps lists the apps");
  }
  std::stable_sort(records.begin(), records.end(), [](const std::string& a, const std::string& b) {
    return timestamp_of(a) < timestamp_of(b);
  });
  for (const std::string& record : records) print_log_line(context, record);
  return 0;
}

int logs(const Context& context, const LogOptions& wanted) {
  const Result<std::string> url = find_bbs(context);
  if (!url) return Context::fail(url.error());
  Session session(context, *url);
  const Result<models::CellsResponse> cells = session.ask(&diego::BbsClient::cells);
  if (!cells) return Context::fail(cells.error(), "causeway platform status");
  if (cells->cells_size() == 0)
    return Context::fail({.fault = Fault::not_found, .detail = "there are no cells"},
                         "causeway platform status");
  if (!wanted.follow) return print_logs(context, session, *cells, wanted);
  std::vector<rpc::Call> calls;
  for (const models::CellPresence& cell : cells->cells())
    calls.push_back(log_call(cell.rep_url(), wanted));
  const Result<void> closed =
      session.follow(std::move(calls), [&](size_t, std::string_view, std::string_view data) {
        print_log_line(context, data);
        std::fflush(stdout);
        return true;
      });
  return closed
             ? 0
             : Context::fail(closed.error(),
                             "the cell has gone or has no such app: causeway cells; causeway ps");
}

int events(const Context& context) {
  const Result<std::string> url = find_bbs(context);
  if (!url) return Context::fail(url.error());
  Session session(context, *url);
  std::vector<rpc::Call> calls;
  for (const char* path : {"/v1/events/lrp_instances.r1", "/v1/events/tasks.r1"}) {
    rpc::Call call;
    call.url = *url + path;
    calls.push_back(std::move(call));
  }
  const Result<void> closed =
      session.follow(std::move(calls), [&](size_t, std::string_view event, std::string_view data) {
        const std::string line = event_line(event, data, context.json);
        std::printf("%s\n", line.c_str());
        std::fflush(stdout);
        return true;
      });
  return closed ? 0
                : Context::fail(closed.error(), "the BBS closed the stream; run the command again");
}

}  // namespace

void add_stream_commands(CLI::App& app, Context& context) {
  const auto wanted = std::make_shared<LogOptions>();
  CLI::App& logs_command = *app.add_subcommand("logs", "what an app or task wrote");
  logs_command.footer("Example:\n  causeway logs shop -f --instance 1");
  logs_command.add_option("name", wanted->name)->required();
  logs_command.add_flag("-f,--follow", wanted->follow, "go on as it happens");
  logs_command.add_option("--lines,-n", wanted->lines, "of each instance")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  logs_command.add_option("--instance,-i", wanted->instance, "only this index")
      ->check(CLI::Range(0, 100'000));
  logs_command.callback([&context, wanted] { context.exit_status = logs(context, *wanted); });

  CLI::App& events_command = *app.add_subcommand(
      "events", "what the control plane does, as it happens, until interrupted");
  const auto follow = std::make_shared<bool>(true);
  events_command.add_flag("-f,--follow", *follow, "always on: the BBS keeps no history");
  events_command.callback([&context] { context.exit_status = events(context); });
}

}  // namespace causeway::cli
