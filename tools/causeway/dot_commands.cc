// `causeway dot ...`: what cfdot does, under its names. doc/cli.md says when tables are printed.

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cf/models/models.h"
#include "diego/locket_client.h"
#include "json/json.h"
#include "tools/causeway/commands.h"
#include "tools/causeway/context.h"
#include "tools/causeway/dot.h"
#include "tools/causeway/event_line.h"
#include "tools/causeway/model_json.h"
#include "tools/causeway/session.h"

namespace causeway::cli {
namespace {

using Client = diego::BbsClient;

using Act = std::function<int(Dot&)>;

int run(const Context& context, const Act& act) {
  auto url = find_bbs(context);
  if (!url) return Dot::failed(url.error(), Dot::kInvalid);
  Dot dot(context, *url);
  return act(dot);
}

// --- Instances, apps, tasks ---------------------------------------------------------------------

int actual_lrps(Dot& dot, const models::ActualLRPsRequest& request) {
  const auto answer = dot.session().ask(&Client::actual_lrps, request);
  if (!answer) return dot.refused(answer.error());
  for (const models::ActualLRP& lrp : answer->actual_lrps()) dot.print(to_json(lrp));
  return dot.finish({"process_guid", "index", "state", "presence", "cell_id", "address",
                     "crash_count", "placement_error"});
}

int desired_lrps(Dot& dot, const models::DesiredLRPsRequest& request) {
  const auto answer = dot.session().ask(&Client::desired_lrps, request);
  if (!answer) return dot.refused(answer.error());
  for (const models::DesiredLRP& lrp : answer->desired_lrps()) dot.print(to_json(lrp));
  return dot.finish({"process_guid", "domain", "instances", "memory_mb", "disk_mb", "rootfs"});
}

int scheduling_infos(Dot& dot, const models::DesiredLRPsRequest& request) {
  const auto answer = dot.session().ask(&Client::scheduling_infos, request);
  if (!answer) return dot.refused(answer.error());
  for (const auto& info : answer->desired_lrp_scheduling_infos()) dot.print(to_json(info));
  return dot.finish({"process_guid", "domain", "instances", "memory_mb", "disk_mb", "rootfs"});
}

Result<models::DesiredLRP> fetch_desired(Dot& dot, const std::string& guid) {
  models::DesiredLRPByProcessGuidRequest request;
  request.set_process_guid(guid);
  auto answer = dot.session().ask(&Client::desired_lrp, request);
  if (!answer) return std::move(answer).error();
  return std::move(*answer->mutable_desired_lrp());
}

int desired_lrp_named(Dot& dot, const std::string& guid) {
  const auto lrp = fetch_desired(dot, guid);
  if (!lrp) return dot.refused(lrp.error());
  dot.print(to_json(*lrp));
  return dot.finish();
}

int create_desired_lrp(Dot& dot, const std::string& argument) {
  const auto text = spec_text(argument);
  if (!text) return Dot::failed(text.error(), Dot::kInvalid);
  const auto lrp = desired_lrp_of(*text);
  if (!lrp) return Dot::failed(lrp.error(), Dot::kInvalid);
  models::DesireLRPRequest request;
  *request.mutable_desired_lrp() = *lrp;
  const auto done = dot.session().ask(&Client::desire_lrp, request);
  return done ? 0 : dot.refused(done.error());
}

int update_desired_lrp(Dot& dot, const std::string& guid, const std::string& argument) {
  const auto text = spec_text(argument);
  if (!text) return Dot::failed(text.error(), Dot::kInvalid);
  const auto update = update_of(*text);
  if (!update) return Dot::failed(update.error(), Dot::kInvalid);
  models::UpdateDesiredLRPRequest request;
  request.set_process_guid(guid);
  *request.mutable_update() = *update;
  const auto done = dot.session().ask(&Client::update_desired_lrp, request);
  return done ? 0 : dot.refused(done.error());
}

int delete_desired_lrp(Dot& dot, const std::string& guid) {
  models::RemoveDesiredLRPRequest request;
  request.set_process_guid(guid);
  const auto done = dot.session().ask(&Client::remove_desired_lrp, request);
  return done ? 0 : dot.refused(done.error());
}

// Its domain, as the app has it or, where nobody desires the app any more, the instance.
Result<std::string> domain_of(Dot& dot, const std::string& guid, int32_t index) {
  const auto lrp = fetch_desired(dot, guid);
  if (lrp) return lrp->domain();
  if (lrp.error().fault != Fault::not_found) return lrp.error();
  models::ActualLRPsRequest request;
  request.set_process_guid(guid);
  request.set_index(index);
  const auto instances = dot.session().ask(&Client::actual_lrps, request);
  if (!instances) return instances.error();
  if (instances->actual_lrps().empty()) return lrp.error();
  return instances->actual_lrps(0).actual_lrp_key().domain();
}

int retire_actual_lrp(Dot& dot, const std::string& guid, int32_t index) {
  const auto domain = domain_of(dot, guid, index);
  if (!domain) return dot.refused(domain.error());
  models::RetireActualLRPRequest request;
  request.mutable_actual_lrp_key()->set_process_guid(guid);
  request.mutable_actual_lrp_key()->set_index(index);
  request.mutable_actual_lrp_key()->set_domain(*domain);
  const auto done = dot.session().ask(&Client::retire_actual_lrp, request);
  return done ? 0 : dot.refused(done.error());
}

int tasks(Dot& dot, const models::TasksRequest& request) {
  const auto answer = dot.session().ask(&Client::tasks, request);
  if (!answer) return dot.refused(answer.error());
  for (const models::Task& task : answer->tasks()) dot.print(to_json(task));
  return dot.finish({"task_guid", "domain", "state", "cell_id", "failed", "failure_reason"});
}

int task_named(Dot& dot, const std::string& guid) {
  models::TaskByGuidRequest request;
  request.set_task_guid(guid);
  const auto answer = dot.session().ask(&Client::task, request);
  if (!answer) return dot.refused(answer.error());
  dot.print(to_json(answer->task()));
  return dot.finish();
}

int create_task(Dot& dot, const std::string& argument) {
  const auto text = spec_text(argument);
  if (!text) return Dot::failed(text.error(), Dot::kInvalid);
  const auto task = task_of(*text);
  if (!task) return Dot::failed(task.error(), Dot::kInvalid);
  models::DesireTaskRequest request;
  request.set_task_guid(task->task_guid());
  request.set_domain(task->domain());
  *request.mutable_task_definition() = task->task_definition();
  const auto done = dot.session().ask(&Client::desire_task, request);
  return done ? 0 : dot.refused(done.error());
}

int cancel_task(Dot& dot, const std::string& guid) {
  models::TaskGuidRequest request;
  request.set_task_guid(guid);
  const auto done = dot.session().ask(&Client::cancel_task, request);
  return done ? 0 : dot.refused(done.error());
}

int delete_task(Dot& dot, const std::string& guid) {
  models::TaskGuidRequest request;
  request.set_task_guid(guid);
  auto done = dot.session().ask(&Client::resolving_task, request);
  if (done) done = dot.session().ask(&Client::delete_task, request);
  return done ? 0 : dot.refused(done.error());
}

rpc::Call stream_call(Dot& dot, const char* method, const char* path, std::string body) {
  rpc::Call call;
  call.method = method;
  call.url = dot.session().bbs_url() + path;
  call.headers = {{"Content-Type", "application/x-protobuf"}};
  call.body = std::move(body);
  return call;
}

// Prints what the first stream brings, and of the others what `is_wanted` of them.
int follow(Dot& dot, std::vector<rpc::Call> calls, bool (*is_wanted)(std::string_view type)) {
  const auto closed = dot.session().follow(
      std::move(calls), [&](size_t stream, std::string_view type, std::string_view data) {
        if (stream > 0 && !is_wanted(type)) return true;
        if (dot.prints_lines()) {
          const auto line = event_json(type, data);
          if (line) std::printf("%s\n", with_html_escaped(*line).c_str());
        } else {
          std::printf("%s\n", event_line(type, data, false).c_str());
        }
        std::fflush(stdout);
        return true;
      });
  return closed ? 0 : Dot::failed(closed.error(), Dot::kRefused);
}

// As cfdot does: the old stream's events about groups among the others, unless they are excluded.
// Sentences for people leave them out always.
int lrp_events(Dot& dot, const models::EventsByCellId& cell, bool excludes_groups) {
  std::vector<rpc::Call> calls;
  calls.push_back(stream_call(dot, "POST", "/v1/events/lrp_instances.r1", cf::encode(cell)));
  if (!excludes_groups && dot.prints_lines()) {
    std::fprintf(stderr,
                 "Event types \"actual_lrp_created\", \"actual_lrp_changed\" and "
                 "\"actual_lrp_removed\" are deprecated. Use \"--exclude-actual-lrp-groups\" flag "
                 "to exclude them.\n");
    calls.push_back(stream_call(dot, "GET", "/v1/events.r1", cf::encode(cell)));
  }
  return follow(dot, std::move(calls), [](std::string_view type) {
    return type == "actual_lrp_created" || type == "actual_lrp_changed" ||
           type == "actual_lrp_removed";
  });
}

int task_events(Dot& dot) {
  return follow(dot, {stream_call(dot, "POST", "/v1/events/tasks.r1", {})}, nullptr);
}

// --- Domains, cells, locks ----------------------------------------------------------------------

int domains(Dot& dot) {
  const auto answer = dot.session().ask(&Client::domains);
  if (!answer) return dot.refused(answer.error());
  for (const std::string& domain : answer->domains()) dot.print(to_json(std::string_view(domain)));
  return dot.finish();
}

int set_domain(Dot& dot, const std::string& domain, const std::string& ttl) {
  const auto ttl_s = ttl_seconds(ttl);
  if (!ttl_s) return Dot::failed(ttl_s.error(), Dot::kInvalid);
  models::UpsertDomainRequest request;
  request.set_domain(domain);
  request.set_ttl(*ttl_s);
  const auto done = dot.session().ask(&Client::upsert_domain, request);
  return done ? 0 : dot.refused(done.error());
}

// `id`: only that one; "": all.
int cells(Dot& dot, const std::string& id) {
  const auto answer = dot.session().ask(&Client::cells);
  if (!answer) return dot.refused(answer.error());
  bool is_there = id.empty();
  for (const models::CellPresence& cell : answer->cells()) {
    if (!id.empty() && cell.cell_id() != id) continue;
    is_there = true;
    dot.print(to_json(cell));
  }
  if (!is_there) return Dot::failed({.detail = "Cell not found"}, Dot::kNotFound);
  if (!id.empty()) return dot.finish();
  return dot.finish({"cell_id", "zone", "capacity", "rep_url"});
}

// What the rep itself says of its cell.
int cell_states(Dot& dot, const std::string& id) {
  const auto answer = dot.session().ask(&Client::cells);
  if (!answer) return dot.refused(answer.error());
  bool is_there = id.empty();
  int status = 0;
  for (const models::CellPresence& cell : answer->cells()) {
    if (!id.empty() && cell.cell_id() != id) continue;
    is_there = true;
    rpc::Call call;
    call.method = "GET";
    call.url = (cell.rep_url().empty() ? cell.rep_address() : cell.rep_url()) + "/state";
    const auto reply = dot.session().send(std::move(call));
    if (!reply || reply->status != 200) {
      std::fprintf(stderr, "Error: Rep error: Failed to get cell state for cell %s: %s\n",
                   cell.cell_id().c_str(),
                   reply ? ("status " + std::to_string(reply->status)).c_str()
                         : to_string(reply.error()).c_str());
      status = Dot::kRefused;
      continue;
    }
    const auto document = json::Document::parse(reply->body);
    if (document) dot.print(document->root().text());
  }
  if (!is_there) return Dot::failed({.detail = "Cell not found"}, Dot::kNotFound);
  dot.finish();
  return status;
}

struct Claim {
  std::string key, owner, value;
  std::string ttl = "15s";
};

Result<void> check_names(const Claim& wanted) {
  if (wanted.key.empty()) return Error{.fault = Fault::invalid, .detail = "key cannot be empty"};
  if (wanted.owner.empty())
    return Error{.fault = Fault::invalid, .detail = "owner cannot be empty"};
  return {};
}

int claim(Dot& dot, const Claim& wanted, models::Resource::TypeCode kind) {
  if (auto fits = check_names(wanted); !fits) return Dot::failed(fits.error(), Dot::kInvalid);
  const auto ttl_s = ttl_seconds(wanted.ttl);
  if (!ttl_s) return Dot::failed(ttl_s.error(), Dot::kInvalid);
  if (*ttl_s == 0)
    return Dot::failed({.detail = "ttl should be an integer greater than zero"}, Dot::kInvalid);
  models::Resource resource;
  resource.set_key(wanted.key);
  resource.set_owner(wanted.owner);
  resource.set_value(wanted.value);
  resource.set_type_code(kind);
  resource.set_type(kind == models::Resource::LOCK ? "lock" : "presence");
  diego::LocketClient locket = dot.locket();
  const auto done = dot.session().wait<void>(
      [&](auto on) { locket.lock(resource, std::chrono::seconds(*ttl_s), std::move(on)); });
  return done ? 0 : Dot::failed(done.error(), Dot::kRefused);
}

int release_lock(Dot& dot, const Claim& wanted) {
  if (auto fits = check_names(wanted); !fits) return Dot::failed(fits.error(), Dot::kInvalid);
  models::Resource resource;
  resource.set_key(wanted.key);
  resource.set_owner(wanted.owner);
  diego::LocketClient locket = dot.locket();
  const auto done =
      dot.session().wait<void>([&](auto on) { locket.release(resource, std::move(on)); });
  return done ? 0 : Dot::failed(done.error(), Dot::kRefused);
}

int resources(Dot& dot, models::Resource::TypeCode kind) {
  diego::LocketClient locket = dot.locket();
  const auto found = dot.session().wait<std::vector<models::Resource>>(
      [&](auto on) { locket.fetch_all(kind, std::move(on)); });
  if (!found) return Dot::failed(found.error(), Dot::kRefused);
  for (const models::Resource& resource : *found) dot.print(to_json(resource));
  return dot.finish({"key", "owner", "value"});
}

// --- The command line ---------------------------------------------------------------------------

// Adds commands to one group. Owner: add_dot_commands().
struct Adding {
  CLI::App& group;
  Context& context;

  CLI::App& command(const char* name, const char* about, Act act) const {
    CLI::App& made = *group.add_subcommand(name, about);
    Context& where = context;
    made.callback([&where, &made, act = std::move(act)] {
      where.exit_status = run(where, act);
      if (where.exit_status == Dot::kInvalid) std::fprintf(stderr, "%s", made.help().c_str());
    });
    return made;
  }
  // A command that takes a name.
  void named(const char* name, const char* about, const char* what,
             int (*act)(Dot&, const std::string&)) const {
    const auto argument = std::make_shared<std::string>();
    command(name, about, [argument, act](Dot& dot) { return act(dot, *argument); })
        .add_option(what, *argument)
        ->required();
  }
};

void add_lrps(const Adding& add) {
  const auto instances = std::make_shared<models::ActualLRPsRequest>();
  const auto index = std::make_shared<std::optional<int32_t>>();
  CLI::App& list = add.command("actual-lrps", "instances", [instances, index](Dot& dot) {
    if (*index) instances->set_index(**index);
    return actual_lrps(dot, *instances);
  });
  list.add_option("-d,--domain", *instances->mutable_domain());
  list.add_option("-c,--cell-id", *instances->mutable_cell_id());
  list.add_option("-p,--process-guid", *instances->mutable_process_guid());
  list.add_option("-i,--index", *index);

  for (const auto& [name, about, act] :
       {std::tuple{"desired-lrps", "apps, with all they are made of", &desired_lrps},
        std::tuple{"desired-lrp-scheduling-infos", "apps, as placement sees them",
                   &scheduling_infos}}) {
    const auto request = std::make_shared<models::DesiredLRPsRequest>();
    add.command(name, about, [request, run_it = act](Dot& dot) { return run_it(dot, *request); })
        .add_option("-d,--domain", *request->mutable_domain());
  }
  add.named("desired-lrp", "one app", "process-guid", &desired_lrp_named);
  add.named("create-desired-lrp", "desire an app", "spec", &create_desired_lrp);
  add.named("delete-desired-lrp", "stop an app and forget it", "process-guid", &delete_desired_lrp);

  const auto updated = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App& update = add.command(
      "update-desired-lrp", "change instances, routes or annotation of an app",
      [updated](Dot& dot) { return update_desired_lrp(dot, updated->first, updated->second); });
  update.add_option("process-guid", updated->first)->required();
  update.add_option("spec", updated->second, "JSON or @FILE")->required();

  const auto retired = std::make_shared<std::pair<std::string, int32_t>>();
  CLI::App& retire = add.command("retire-actual-lrp", "stop one instance", [retired](Dot& dot) {
    return retire_actual_lrp(dot, retired->first, retired->second);
  });
  retire.add_option("process-guid", retired->first)->required();
  retire.add_option("index", retired->second)->required()->check(CLI::Range(0, INT32_MAX));

  const auto cell = std::make_shared<models::EventsByCellId>();
  const auto excludes = std::make_shared<bool>(false);
  CLI::App& events =
      add.command("lrp-events", "changes of apps and instances",
                  [cell, excludes](Dot& dot) { return lrp_events(dot, *cell, *excludes); });
  events.add_option("-c,--cell-id", *cell->mutable_cell_id());
  events.add_flag("-x,--exclude-actual-lrp-groups", *excludes, "without the deprecated events");
}

void add_tasks(const Adding& add) {
  const auto request = std::make_shared<models::TasksRequest>();
  CLI::App& list =
      add.command("tasks", "tasks", [request](Dot& dot) { return tasks(dot, *request); });
  list.add_option("-d,--domain", *request->mutable_domain());
  list.add_option("-c,--cell-id", *request->mutable_cell_id());
  add.named("task", "one task", "task-guid", &task_named);
  add.named("create-task", "desire a task", "spec", &create_task);
  add.named("cancel-task", "cancel a task", "task-guid", &cancel_task);
  add.named("delete-task", "forget a task that has ended", "task-guid", &delete_task);
  add.command("task-events", "changes of tasks", [](Dot& dot) { return task_events(dot); });
}

void add_cells_and_domains(const Adding& add) {
  add.command("cells", "cells", [](Dot& dot) { return cells(dot, {}); });
  add.named("cell", "one cell", "cell-id", &cells);
  add.command("cell-states", "what every rep says", [](Dot& dot) { return cell_states(dot, {}); });
  add.named("cell-state", "what one rep says", "cell-id", &cell_states);
  add.command("domains", "fresh domains", [](Dot& dot) { return domains(dot); });
  const auto domain = std::make_shared<std::pair<std::string, std::string>>("", "0");
  CLI::App& set = add.command("set-domain", "mark a domain fresh", [domain](Dot& dot) {
    return set_domain(dot, domain->first, domain->second);
  });
  set.add_option("domain", domain->first)->required();
  set.add_option("-t,--ttl", domain->second, "how long it stays fresh; 0: for ever")
      ->capture_default_str();
}

void add_locks(const Adding& add) {
  for (const auto& [name, about, kind] :
       {std::tuple{"claim-lock", "take or renew a lock", models::Resource::LOCK},
        std::tuple{"claim-presence", "take or renew a presence", models::Resource::PRESENCE}}) {
    const auto wanted = std::make_shared<Claim>();
    CLI::App& command =
        add.command(name, about, [wanted, of = kind](Dot& dot) { return claim(dot, *wanted, of); });
    command.add_option("-k,--key", wanted->key)->required();
    command.add_option("-o,--owner", wanted->owner)->required();
    command.add_option("-v,--value", wanted->value);
    command.add_option("-t,--ttl", wanted->ttl)->capture_default_str();
  }
  const auto released = std::make_shared<Claim>();
  CLI::App& release = add.command("release-lock", "give a lock up",
                                  [released](Dot& dot) { return release_lock(dot, *released); });
  release.add_option("-k,--key", released->key)->required();
  release.add_option("-o,--owner", released->owner)->required();
  add.command("locks", "locks", [](Dot& dot) { return resources(dot, models::Resource::LOCK); });
  add.command("presences", "presences",
              [](Dot& dot) { return resources(dot, models::Resource::PRESENCE); });
}

}  // namespace

void add_dot_commands(CLI::App& app, Context& context) {
  CLI::App& group = *app.add_subcommand("dot", "the commands of cfdot, under its names");
  group.require_subcommand(1);
  group.fallthrough();
  group.footer(
      "On a terminal lists are tables; else, with --json, and when the program is called cfdot, "
      "each\n"
      "answer is one line of JSON. Exit status: 3 a mistake in the command, 4 refused or not\n"
      "answered, 5 no such cell.\n"
      "Example:\n  causeway dot actual-lrps -c cell-1 | jq .process_guid");
  DotOptions& options = context.dot;
  group.add_option("--bbsURL", context.bbs_url, "as --bbs")->envname("BBS_URL");
  group.add_option("--locketAPILocation", options.locket_url, "default: the BBS's own")
      ->envname("LOCKET_API_LOCATION");
  group.add_option("-t,--timeout", options.timeout_s, "seconds for each call; 0: no limit")
      ->envname("CFDOT_TIMEOUT")
      ->capture_default_str()
      ->check(CLI::Range(0, 86'400));
  const Adding add{group, context};
  add_lrps(add);
  add_tasks(add);
  add_cells_and_domains(add);
  add_locks(add);
}

}  // namespace causeway::cli
