#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "cf/models/models.h"
#include "json/json.h"
#include "tools/causeway/app.h"
#include "tools/causeway/commands.h"
#include "tools/causeway/context.h"
#include "tools/causeway/session.h"
#include "tools/causeway/table.h"

namespace causeway::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

struct TaskOptions {
  std::string name;
  OneOff one_off;
  std::string memory = "128M";
  bool wait = false;
  int timeout_s = 600;
};

void write_task(json::Writer& writer, const models::Task& task) {
  writer.object()
      .member("name", task.task_guid())
      .member("domain", task.domain())
      .member("state", models::Task::State_Name(task.state()))
      .member("failed", task.failed())
      .member("failure_reason", task.failure_reason())
      .member("result", task.result())
      .member("cell_id", task.cell_id())
      .member("created_at", task.created_at())
      .member("rejection_count", task.rejection_count())
      .member("rejection_reason", task.rejection_reason())
      .end();
}

// Marks the finished task as seen, so that the BBS forgets it.
Result<void> resolve(Session& session, const std::string& name) {
  models::TaskGuidRequest request;
  request.set_task_guid(name);
  if (Result<void> called = session.ask(&diego::BbsClient::resolving_task, request); !called)
    return called;
  return session.ask(&diego::BbsClient::delete_task, request);
}

Result<models::Task> wait_completed(Session& session, const std::string& name, int timeout_s) {
  const auto deadline = steady_clock::now() + seconds(timeout_s);
  models::TaskByGuidRequest request;
  request.set_task_guid(name);
  while (true) {
    const Result<models::TaskResponse> response = session.ask(&diego::BbsClient::task, request);
    if (!response) return response.error();
    const models::Task& task = response->task();
    if (task.state() == models::Task::Completed) return task;
    if (steady_clock::now() > deadline) {
      return Error{
          .fault = Fault::timeout,
          .detail = "the task \"" + name + "\" is still " + models::Task::State_Name(task.state()) +
                    (task.rejection_reason().empty() ? "" : ": " + task.rejection_reason())};
    }
    std::this_thread::sleep_for(milliseconds(25));
  }
}

int report(const Context& context, const models::Task& task) {
  if (context.json) {
    json::Writer writer;
    write_task(writer, task);
    std::printf("%s\n", writer.take().c_str());
  } else if (!task.failed() && !task.result().empty()) {
    std::fwrite(task.result().data(), 1, task.result().size(), stdout);
  }
  if (task.failed())
    return Context::fail({.fault = Fault::internal,
                          .detail = task.task_guid() + " failed: " + task.failure_reason()});
  if (!context.json) std::fprintf(stderr, "%s: done\n", task.task_guid().c_str());
  return 0;
}

int run(const Context& context, TaskOptions wanted) {
  const auto memory = parse_megabytes(wanted.memory);
  if (!memory) return Context::fail(memory.error(), "say --memory 64M or --memory 1G");
  wanted.one_off.memory_mb = *memory;
  const Result<models::TaskDefinition> definition = task_definition(wanted.name, wanted.one_off);
  if (!definition) return Context::fail(definition.error());
  const Result<std::string> url = find_bbs(context);
  if (!url) return Context::fail(url.error());
  Session session(context, *url);
  models::DesireTaskRequest request;
  *request.mutable_task_definition() = *definition;
  request.set_task_guid(wanted.name);
  request.set_domain(std::string(kDomain));
  if (Result<void> desired = session.ask(&diego::BbsClient::desire_task, request); !desired) {
    if (desired.error().fault != Fault::exists) return Context::fail(desired.error());
    return Context::fail(
        {.fault = Fault::exists, .detail = "a task \"" + wanted.name + "\" exists already"},
        "causeway task list; choose another name");
  }
  if (!wanted.wait) {
    if (!context.json)
      std::printf("%s: desired; causeway task list shows it\n", wanted.name.c_str());
    return 0;
  }
  const Result<models::Task> task = wait_completed(session, wanted.name, wanted.timeout_s);
  if (!task) return Context::fail(task.error(), "causeway task list");
  if (Result<void> resolved = resolve(session, wanted.name); !resolved)
    return Context::fail(resolved.error());
  return report(context, *task);
}

int list(const Context& context) {
  const Result<std::string> url = find_bbs(context);
  if (!url) return Context::fail(url.error());
  Session session(context, *url);
  const Result<models::TasksResponse> tasks =
      session.ask(&diego::BbsClient::tasks, models::TasksRequest());
  if (!tasks) return Context::fail(tasks.error(), "causeway platform status");
  if (context.json) {
    json::Writer writer;
    writer.array();
    for (const models::Task& task : tasks->tasks()) write_task(writer, task);
    std::printf("%s\n", writer.end().take().c_str());
    return 0;
  }
  const int64_t now = SystemClock().wall().unix_ns;
  Table table({"task", "state", "age", "cell", "outcome"});
  for (const models::Task& task : tasks->tasks()) {
    std::string outcome = task.failed() ? "failed: " + task.failure_reason()
                          : task.state() == models::Task::Completed ? "succeeded"
                                                                    : "-";
    if (task.state() == models::Task::Pending && !task.rejection_reason().empty())
      outcome = "rejected: " + task.rejection_reason();
    table.row({task.task_guid(), models::Task::State_Name(task.state()),
               age(task.created_at(), now), task.cell_id().empty() ? "-" : task.cell_id(),
               outcome});
  }
  std::printf("%s", table.empty() ? "no tasks; causeway task run --help shows how to start one\n"
                                  : table.text().c_str());
  return 0;
}

}  // namespace

void add_task_commands(CLI::App& app, Context& context) {
  CLI::App& group = *app.add_subcommand("task", "one-off commands");
  group.require_subcommand(1);

  const auto wanted = std::make_shared<TaskOptions>();
  CLI::App& run_command = *group.add_subcommand("run", "run a command once in a container");
  run_command.footer(
      "Example:\n  causeway task run report --command 'date > /tmp/out' --result-file /tmp/out "
      "--wait");
  run_command.add_option("name", wanted->name, "letters, digits, - and _")->required();
  run_command.add_option("--command", wanted->one_off.command, "run by /bin/sh -c")->required();
  run_command.add_option("--memory,-m", wanted->memory)->capture_default_str();
  run_command.add_option("--env,-e", wanted->one_off.env, "NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  run_command.add_option("--rootfs", wanted->one_off.root_fs)->capture_default_str();
  run_command.add_option("--user", wanted->one_off.user)->capture_default_str();
  run_command.add_option("--result-file", wanted->one_off.result_file,
                         "its content is the task's result");
  run_command.add_flag("--wait", wanted->wait,
                       "wait for the end; print the result; fail if the task failed");
  run_command.add_option("--timeout", wanted->timeout_s, "seconds to wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400));
  run_command.callback([&context, wanted] { context.exit_status = run(context, *wanted); });

  CLI::App& list_command =
      *group.add_subcommand("list", "tasks that wait, run or have ended lately");
  list_command.callback([&context] { context.exit_status = list(context); });
}

}  // namespace causeway::cli
