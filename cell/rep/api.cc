#include "cell/rep/api.h"

#include "cell/executor/executor.h"
#include "cell/rep/cell_state.h"
#include "cell/rep/cell_tags.h"
#include "cell/rep/operations.h"
#include "cf/wire/rep_messages.h"
#include "log/logger.h"
#include "rpc/server.h"

namespace causeway::rep {
namespace {

constexpr std::string_view kJson = "application/json";

log::Field request_id(const rpc::Request& request) {
  return log::Field::optional("request_id", request.header("X-Vcap-Request-Id"));
}

void serve_state(const Cell& cell, rpc::Responder responder) {
  const cf::CellState state =
      cell_state(cell.config, cell.rep_url, cell.executor, cell.is_evacuating());
  responder.reply(cell.executor.is_healthy() ? 200 : 503, kJson, cf::to_json(state));
}

void serve_work(const Cell& cell, const rpc::Request& request, rpc::Responder responder) {
  const Result<cf::Work> work = cf::parse_work(request.body);
  if (!work) {
    cell.logger.warn("work.invalid", {{"error", to_string(work.error())}});
    return responder.reply(400, "text/plain", work.error().detail + "\n");
  }
  // Older auctioneers name no cell.
  if (!work->cell_id.empty() && work->cell_id != cell.config.cell_id) {
    cell.logger.warn("work.for-another-cell", {{"cell_id", work->cell_id}});
    return responder.reply(500, "text/plain", "workload cell ID does not match this cell\n");
  }
  const cf::Work failed = reserve_work(cell.executor, *work, cell.is_evacuating(), cell.new_guid);
  cell.logger.info("work.taken", {{"lrps", work->lrps.size() - failed.lrps.size()},
                                  {"tasks", work->tasks.size() - failed.tasks.size()},
                                  {"failed", failed.lrps.size() + failed.tasks.size()},
                                  request_id(request)});
  responder.reply(200, kJson, cf::to_json(failed));
}

void serve_stop(const Cell& cell, const rpc::Request& request, const std::string& guid,
                rpc::Responder responder) {
  cell.logger.info("stop", {{"guid", guid}, request_id(request)});
  // A container that is gone has been stopped.
  if (const Result<void> stopped = cell.executor.stop(guid); !stopped) {
    cell.logger.info("stop.nothing-to-stop",
                     {{"guid", guid}, {"error", to_string(stopped.error())}});
  }
  responder.reply(202);
}

void serve_update(const Cell& cell, const rpc::Request& request, rpc::Responder responder) {
  const std::string& guid = request.path_params.at("instance_guid");
  const Result<cf::LrpUpdate> update = cf::parse_lrp_update(request.body);
  if (!update) return responder.reply(400, "text/plain", update.error().detail + "\n");
  const executor::Container* const container = cell.executor.find(guid);
  if (container == nullptr) return responder.reply(404, "text/plain", "no such container\n");
  Tags tags = container->tags;
  put_internal_hostnames(tags, update->internal_hostnames);
  // The first version knows of no metric tags.
  if (request.path.starts_with("/v2/")) put_metric_tags(tags, update->metric_tags);
  (void)cell.executor.update(guid, std::move(tags));
  cell.logger.info("update", {{"guid", guid}, request_id(request)});
  cell.operations.take(guid);  // tells the BBS
  responder.reply(202);
}

}  // namespace

void serve_cell(rpc::Server& server, const Cell& cell) {
  server.route("GET", "/state", [cell](const rpc::Request&, rpc::Responder responder) {
    serve_state(cell, std::move(responder));
  });
  server.route("POST", "/work", [cell](const rpc::Request& request, rpc::Responder responder) {
    serve_work(cell, request, std::move(responder));
  });
  server.route("POST", "/v1/lrps/:process_guid/instances/:instance_guid/stop",
               [cell](const rpc::Request& request, rpc::Responder responder) {
                 serve_stop(cell, request, request.path_params.at("instance_guid"),
                            std::move(responder));
               });
  server.route("POST", "/v1/tasks/:task_guid/cancel",
               [cell](const rpc::Request& request, rpc::Responder responder) {
                 serve_stop(cell, request, request.path_params.at("task_guid"),
                            std::move(responder));
               });
  for (const char* version : {"/v1", "/v2"}) {
    server.route("PUT", std::string(version) + "/lrps/:process_guid/instances/:instance_guid",
                 [cell](const rpc::Request& request, rpc::Responder responder) {
                   serve_update(cell, request, std::move(responder));
                 });
  }
  server.route("GET", "/container_metrics", [cell](const rpc::Request&, rpc::Responder responder) {
    responder.reply(200, kJson, cell.container_metrics());
  });
}

void serve_admin(rpc::Server& server, const Cell& cell) {
  server.route("GET", "/ping",
               [](const rpc::Request&, rpc::Responder responder) { responder.reply(200); });
  server.route("POST", "/evacuate", [cell](const rpc::Request&, rpc::Responder responder) {
    cell.evacuate();
    responder.reply(202, kJson, R"({"ping_path":"/ping"})");
  });
}

}  // namespace causeway::rep
