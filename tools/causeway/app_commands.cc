#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>

#include "cf/models/models.h"
#include "tools/causeway/app.h"
#include "tools/causeway/commands.h"
#include "tools/causeway/context.h"
#include "tools/causeway/session.h"

namespace causeway::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

struct RunOptions {
  App app;
  std::string memory = "128M";
  std::string disk = "256M";
  bool no_wait = false;
  int timeout_s = 90;
};

struct ScaleOptions {
  std::string name;
  int32_t instances = 1;
  bool no_wait = false;
  int timeout_s = 90;
};

Result<models::ActualLRPsResponse> instances_of(Session& session, const std::string& name) {
  models::ActualLRPsRequest request;
  request.set_process_guid(name);
  return session.ask(&diego::BbsClient::actual_lrps, request);
}

std::string state_and_trouble(const models::ActualLRP& lrp) {
  std::string text =
      "instance " + std::to_string(lrp.actual_lrp_key().index()) + " is " + lrp.state();
  if (!lrp.placement_error().empty()) text += ": " + lrp.placement_error();
  if (!lrp.crash_reason().empty()) text += ": " + lrp.crash_reason();
  return text;
}

// Waits until exactly the instances 0 .. count-1 are there and RUNNING; a reported failure ends the
// wait early.
Result<void> wait_running(Session& session, const std::string& name, int32_t count, int timeout_s) {
  const auto deadline = steady_clock::now() + seconds(timeout_s);
  std::string last = "no instance yet";
  while (true) {
    const auto response = instances_of(session, name);
    if (!response) return response.error();
    int32_t running = 0;
    bool surplus = false;
    for (const models::ActualLRP& lrp : response->actual_lrps()) {
      if (lrp.state() == "RUNNING") ++running;
      if (lrp.state() != "RUNNING") last = state_and_trouble(lrp);
      surplus = surplus || lrp.actual_lrp_key().index() >= count;
      if (lrp.state() == "CRASHED") {
        return Error{.fault = Fault::internal,
                     .detail = name + " keeps crashing; " + state_and_trouble(lrp)};
      }
    }
    if (running == count && !surplus && response->actual_lrps_size() == count) return {};
    if (steady_clock::now() > deadline) {
      return Error{.fault = Fault::timeout,
                   .detail = name + ": " + std::to_string(running) + " of " +
                             std::to_string(count) + " instances run after " +
                             std::to_string(timeout_s) + " s; " + last};
    }
    std::this_thread::sleep_for(milliseconds(25));
  }
}

// The domain is kept fresh for ever: only in a fresh domain does convergence retire what is too
// many.
Result<void> upsert_domain(Session& session) {
  models::UpsertDomainRequest request;
  request.set_domain(std::string(kDomain));
  return session.ask(&diego::BbsClient::upsert_domain, request);
}

int run(const Context& context, RunOptions wanted) {
  const auto memory = parse_megabytes(wanted.memory);
  if (!memory) return Context::fail(memory.error(), "say --memory 64M or --memory 1G");
  const auto disk = parse_megabytes(wanted.disk);
  if (!disk) return Context::fail(disk.error(), "say --disk 256M or --disk 1G");
  wanted.app.memory_mb = *memory;
  wanted.app.disk_mb = *disk;
  const Result<models::DesiredLRP> lrp = desired_lrp(wanted.app);
  if (!lrp) return Context::fail(lrp.error());
  const Result<std::string> url = find_bbs(context);
  if (!url)
    return Context::fail(
        url.error(), "start a platform with tools/up, or name a BBS with --bbs http://host:8889");
  Session session(context, *url);
  if (Result<void> fresh = upsert_domain(session); !fresh)
    return Context::fail(fresh.error(), "causeway platform status");
  models::DesireLRPRequest request;
  *request.mutable_desired_lrp() = *lrp;
  if (Result<void> desired = session.ask(&diego::BbsClient::desire_lrp, request); !desired) {
    if (desired.error().fault != Fault::exists) return Context::fail(desired.error());
    return Context::fail(
        {.fault = Fault::exists, .detail = "an app \"" + wanted.app.name + "\" exists already"},
        "causeway scale " + wanted.app.name + " N changes its size; causeway stop " +
            wanted.app.name + " removes it");
  }
  if (!wanted.no_wait) {
    if (Result<void> runs =
            wait_running(session, wanted.app.name, wanted.app.instances, wanted.timeout_s);
        !runs) {
      return Context::fail(runs.error(),
                           "causeway logs " + wanted.app.name + "; causeway ps " + wanted.app.name);
    }
  }
  if (!context.json)
    std::printf("%s: %d instance(s) %s\n", wanted.app.name.c_str(), wanted.app.instances,
                wanted.no_wait ? "desired" : "running");
  return 0;
}

int scale(const Context& context, const ScaleOptions& wanted) {
  const Result<std::string> url = find_bbs(context);
  if (!url) return Context::fail(url.error());
  Session session(context, *url);
  models::UpdateDesiredLRPRequest request;
  request.set_process_guid(wanted.name);
  request.mutable_update()->set_instances(wanted.instances);
  if (Result<void> updated = session.ask(&diego::BbsClient::update_desired_lrp, request);
      !updated) {
    if (updated.error().fault != Fault::not_found) return Context::fail(updated.error());
    return Context::fail(
        {.fault = Fault::not_found, .detail = "there is no app \"" + wanted.name + "\""},
        "causeway ps lists the apps");
  }
  if (wanted.no_wait) return 0;
  const Result<void> runs = wait_running(session, wanted.name, wanted.instances, wanted.timeout_s);
  if (!runs) return Context::fail(runs.error(), "causeway ps " + wanted.name);
  if (!context.json)
    std::printf("%s: %d instance(s) running\n", wanted.name.c_str(), wanted.instances);
  return 0;
}

int stop(const Context& context, const std::string& name, bool no_wait, int timeout_s) {
  const Result<std::string> url = find_bbs(context);
  if (!url) return Context::fail(url.error());
  Session session(context, *url);
  models::RemoveDesiredLRPRequest request;
  request.set_process_guid(name);
  if (Result<void> removed = session.ask(&diego::BbsClient::remove_desired_lrp, request);
      !removed) {
    if (removed.error().fault != Fault::not_found) return Context::fail(removed.error());
    return Context::fail({.fault = Fault::not_found, .detail = "there is no app \"" + name + "\""},
                         "causeway ps lists the apps");
  }
  if (no_wait) return 0;
  if (Result<void> gone = wait_running(session, name, 0, timeout_s); !gone)
    return Context::fail(gone.error(), "causeway ps " + name);
  if (!context.json) std::printf("%s: stopped\n", name.c_str());
  return 0;
}

void add_run(CLI::App& app, Context& context) {
  const auto wanted = std::make_shared<RunOptions>();
  CLI::App& command = *app.add_subcommand("run", "run an app and wait until its instances work");
  command.footer(
      "Example:\n  causeway run shop --command 'exec /app/sample-app' --port 8080 --route "
      "shop.localhost --instances 2 --memory 64M");
  command.add_option("name", wanted->app.name, "letters, digits, - and _")->required();
  command
      .add_option("--command", wanted->app.command,
                  "run by /bin/sh -c; finds $PORT, $INSTANCE_INDEX ...")
      ->required();
  command
      .add_option("--port", wanted->app.ports,
                  "container port; the first one is checked for health and gets the routes")
      ->allow_extra_args(false);
  command
      .add_option("--route", wanted->app.routes,
                  "hostname[/path] that leads to the app; may be repeated")
      ->allow_extra_args(false);
  command
      .add_option("--tcp-port", wanted->app.tcp_ports,
                  "port of the router that leads to the app, PORT or PORT:CONTAINER-PORT; may be "
                  "repeated")
      ->allow_extra_args(false);
  command.add_option("--instances,-i", wanted->app.instances)
      ->capture_default_str()
      ->check(CLI::Range(0, 100'000));
  command.add_option("--memory,-m", wanted->memory, "limit of each instance")
      ->capture_default_str();
  command.add_option("--disk", wanted->disk, "limit of each instance")->capture_default_str();
  command.add_option("--env,-e", wanted->app.env, "NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  command.add_option("--rootfs", wanted->app.root_fs, "root file system, as the cells name it")
      ->capture_default_str();
  command.add_option("--user", wanted->app.user)->capture_default_str();
  command.add_option("--pids", wanted->app.max_pids, "processes and threads of each instance")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  command.add_option("--health-path", wanted->app.health_path,
                     "must answer 200; default: the port must accept");
  command.add_flag("--no-wait", wanted->no_wait, "return as soon as the app is desired");
  command.add_option("--timeout", wanted->timeout_s, "seconds to wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400));
  command.callback([&context, wanted] { context.exit_status = run(context, *wanted); });
}

}  // namespace

void add_app_commands(CLI::App& app, Context& context) {
  add_run(app, context);

  const auto wanted = std::make_shared<ScaleOptions>();
  CLI::App& scale_command = *app.add_subcommand("scale", "change how many instances of an app run");
  scale_command.footer("Example:\n  causeway scale shop 3");
  scale_command.add_option("name", wanted->name)->required();
  scale_command.add_option("instances", wanted->instances)
      ->required()
      ->check(CLI::Range(0, 100'000));
  scale_command.add_flag("--no-wait", wanted->no_wait);
  scale_command.add_option("--timeout", wanted->timeout_s, "seconds to wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400));
  scale_command.callback([&context, wanted] { context.exit_status = scale(context, *wanted); });

  const auto doomed = std::make_shared<ScaleOptions>();
  CLI::App& stop_command = *app.add_subcommand("stop", "stop an app and forget it");
  stop_command.footer("Example:\n  causeway stop shop");
  stop_command.add_option("name", doomed->name)->required();
  stop_command.add_flag("--no-wait", doomed->no_wait);
  stop_command.add_option("--timeout", doomed->timeout_s, "seconds to wait")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400));
  stop_command.callback([&context, doomed] {
    context.exit_status = stop(context, doomed->name, doomed->no_wait, doomed->timeout_s);
  });
}

}  // namespace causeway::cli
