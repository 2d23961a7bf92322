#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

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

// What the BBS knows of the apps, or of one of them.
struct Picture {
  models::DesiredLRPSchedulingInfosResponse desired;
  models::ActualLRPsResponse actual;
};

Result<Picture> take_picture(Session& session, const std::string& name) {
  Picture picture;
  models::DesiredLRPsRequest desired;
  if (!name.empty()) desired.add_process_guids(name);
  auto apps = session.ask(&diego::BbsClient::scheduling_infos, desired);
  if (!apps) return std::move(apps).error();
  picture.desired = *std::move(apps);
  models::ActualLRPsRequest actual;
  actual.set_process_guid(name);
  auto instances = session.ask(&diego::BbsClient::actual_lrps, actual);
  if (!instances) return std::move(instances).error();
  picture.actual = *std::move(instances);
  return picture;
}

std::string presence_mark(models::ActualLRP::Presence presence) {
  if (presence == models::ActualLRP::EVACUATING) return " (evacuating)";
  if (presence == models::ActualLRP::SUSPECT) return " (suspect)";
  return "";
}

std::string address_of(const models::ActualLRPNetInfo& net) {
  if (net.ports_size() == 0) return net.address().empty() ? "-" : net.address();
  return net.address() + ":" + std::to_string(net.ports(0).host_port());
}

std::string trouble_of(const models::ActualLRP& lrp) {
  if (!lrp.placement_error().empty()) return lrp.placement_error();
  return lrp.crash_reason().empty() ? "-" : lrp.crash_reason();
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

void print_ps_json(const Picture& picture) {
  json::Writer writer;
  writer.object().key("apps").array();
  for (const models::DesiredLRPSchedulingInfo& one :
       picture.desired.desired_lrp_scheduling_infos()) {
    writer.object()
        .member("name", one.desired_lrp_key().process_guid())
        .member("domain", one.desired_lrp_key().domain())
        .member("instances", one.instances())
        .member("memory_mb", one.desired_lrp_resource().memory_mb())
        .member("disk_mb", one.desired_lrp_resource().disk_mb())
        .member("root_fs", one.desired_lrp_resource().root_fs())
        .key("routes")
        .array();
    for (const auto& [host, port] : http_routes(one.routes()))
      writer.object().member("route", host).member("port", port).end();
    for (const TcpPort& tcp : tcp_routes(one.routes())) {
      writer.object()
          .member("route", "tcp:" + std::to_string(tcp.external_port))
          .member("port", tcp.port)
          .end();
    }
    writer.end().end();
  }
  writer.end().key("instances").array();
  for (const models::ActualLRP& one : picture.actual.actual_lrps()) {
    writer.object()
        .member("name", one.actual_lrp_key().process_guid())
        .member("index", one.actual_lrp_key().index())
        .member("state", one.state())
        .member("presence", models::ActualLRP::Presence_Name(one.presence()))
        .member("cell_id", one.actual_lrp_instance_key().cell_id())
        .member("instance_guid", one.actual_lrp_instance_key().instance_guid())
        .member("address", address_of(one.actual_lrp_net_info()))
        .member("since", one.since())
        .member("crash_count", one.crash_count())
        .member("crash_reason", one.crash_reason())
        .member("placement_error", one.placement_error())
        .end();
  }
  std::printf("%s\n", writer.end().end().take().c_str());
}

void print_ps(const Picture& picture) {
  const int64_t now = SystemClock().wall().unix_ns;
  Table table({"app", "index", "state", "since", "cell", "address", "crashes", "trouble"});
  std::map<std::string, int> rows;
  for (const models::ActualLRP& one : picture.actual.actual_lrps()) {
    ++rows[one.actual_lrp_key().process_guid()];
    table.row({one.actual_lrp_key().process_guid(), std::to_string(one.actual_lrp_key().index()),
               one.state() + presence_mark(one.presence()), age(one.since(), now),
               or_dash(one.actual_lrp_instance_key().cell_id()),
               address_of(one.actual_lrp_net_info()), std::to_string(one.crash_count()),
               trouble_of(one)});
  }
  for (const models::DesiredLRPSchedulingInfo& one :
       picture.desired.desired_lrp_scheduling_infos()) {
    if (rows.contains(one.desired_lrp_key().process_guid())) continue;
    table.row({one.desired_lrp_key().process_guid(), "-",
               "no instances (" + std::to_string(one.instances()) + " desired)", "-", "-", "-", "-",
               "-"});
  }
  if (table.empty()) {
    std::printf("no apps; causeway run --help shows how to start one\n");
  } else {
    std::printf("%s", table.text().c_str());
  }
}

int ps(const Context& context, const std::string& name) {
  const Result<std::string> url = find_bbs(context);
  if (!url)
    return Context::fail(
        url.error(), "start a platform with tools/up, or name a BBS with --bbs http://host:8889");
  Session session(context, *url);
  const Result<Picture> picture = take_picture(session, name);
  if (!picture) return Context::fail(picture.error(), "causeway platform status");
  if (!name.empty() && picture->desired.desired_lrp_scheduling_infos_size() == 0 &&
      picture->actual.actual_lrps_size() == 0) {
    return Context::fail({.fault = Fault::not_found, .detail = "there is no app \"" + name + "\""},
                         "causeway ps lists the apps");
  }
  if (context.json) {
    print_ps_json(*picture);
  } else {
    print_ps(*picture);
  }
  return 0;
}

int routes(const Context& context) {
  const Result<std::string> url = find_bbs(context);
  if (!url) return Context::fail(url.error());
  Session session(context, *url);
  const Result<Picture> picture = take_picture(session, "");
  if (!picture) return Context::fail(picture.error(), "causeway platform status");
  std::map<std::string, std::vector<std::string>> endpoints;  // by app
  for (const models::ActualLRP& one : picture->actual.actual_lrps()) {
    if (one.state() == "RUNNING")
      endpoints[one.actual_lrp_key().process_guid()].push_back(
          address_of(one.actual_lrp_net_info()));
  }
  Table table({"route", "app", "port", "endpoints"});
  json::Writer writer;
  writer.array();
  for (const models::DesiredLRPSchedulingInfo& one :
       picture->desired.desired_lrp_scheduling_infos()) {
    const std::string& app = one.desired_lrp_key().process_guid();
    const auto add = [&](const std::string& route, uint32_t port) {
      std::string list;
      writer.object()
          .member("route", route)
          .member("app", app)
          .member("port", port)
          .key("endpoints")
          .array();
      for (const std::string& endpoint : endpoints[app]) {
        writer.value(endpoint);
        list += (list.empty() ? "" : " ") + endpoint;
      }
      writer.end().end();
      table.row({route, app, std::to_string(port), or_dash(list)});
    };
    for (const auto& [route, port] : http_routes(one.routes())) add(route, port);
    for (const TcpPort& tcp : tcp_routes(one.routes())) {
      add("tcp:" + std::to_string(tcp.external_port), tcp.port);
    }
  }
  if (context.json) {
    std::printf("%s\n", writer.end().take().c_str());
  } else {
    std::printf("%s", table.empty() ? "no routes; causeway run --route HOST makes one\n"
                                    : table.text().c_str());
  }
  return 0;
}

int cells(const Context& context) {
  const Result<std::string> url = find_bbs(context);
  if (!url) return Context::fail(url.error());
  Session session(context, *url);
  const Result<models::CellsResponse> response = session.ask(&diego::BbsClient::cells);
  if (!response) return Context::fail(response.error(), "causeway platform status");
  Table table({"cell", "zone", "memory MB", "disk MB", "containers", "address"});
  json::Writer writer;
  writer.array();
  for (const models::CellPresence& one : response->cells()) {
    writer.object()
        .member("cell_id", one.cell_id())
        .member("zone", one.zone())
        .member("memory_mb", one.capacity().memory_mb())
        .member("disk_mb", one.capacity().disk_mb())
        .member("containers", one.capacity().containers())
        .member("rep_url", one.rep_url())
        .end();
    table.row({one.cell_id(), or_dash(one.zone()), std::to_string(one.capacity().memory_mb()),
               std::to_string(one.capacity().disk_mb()),
               std::to_string(one.capacity().containers()), one.rep_url()});
  }
  if (context.json) {
    std::printf("%s\n", writer.end().take().c_str());
  } else {
    std::printf("%s", table.empty() ? "no cells; is a rep running? causeway platform status\n"
                                    : table.text().c_str());
  }
  return 0;
}

}  // namespace

void add_view_commands(CLI::App& app, Context& context) {
  const auto name = std::make_shared<std::string>();
  CLI::App& ps_command = *app.add_subcommand("ps", "the instances of every app, or of one");
  ps_command.footer("Example:\n  causeway ps\n  causeway ps shop --json");
  ps_command.add_option("name", *name);
  ps_command.callback([&context, name] { context.exit_status = ps(context, *name); });

  CLI::App& routes_command =
      *app.add_subcommand("routes", "which hostname or TCP port leads to which instances");
  routes_command.callback([&context] { context.exit_status = routes(context); });

  CLI::App& cells_command =
      *app.add_subcommand("cells", "the machines that run the apps, and what they can hold");
  cells_command.callback([&context] { context.exit_status = cells(context); });
}

}  // namespace causeway::cli
