#pragma once

// For tests: the BBS and cells as the auctioneer sees them, in process.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cf/models/models.h"
#include "cf/wire/auctioneer_messages.h"
#include "diego/fake_services.h"

namespace causeway::auctioneer::test {

// A cell that answers with `state` and takes what `takes` allows.
class FakeCell {
 public:
  FakeCell(rpc::test::TestBed& bed, std::string id) : service(bed) {
    state.cell_id = std::move(id);
    state.zone = "z1";
    state.root_fs_providers["preloaded"].names = {"base"};
    state.total = state.available = {.memory_mb = 1000, .disk_mb = 1000, .containers = 100};
    serve();
  }

  void serve() {
    service.server->route("GET", "/state", [this](const rpc::Request&, rpc::Responder responder) {
      ++asked;
      if (holds_state) {
        held.push_back(std::move(responder));
        return;
      }
      if (!is_healthy) return responder.reply(503);
      responder.reply(200, "application/json", cf::to_json(state));
    });
    service.server->route("POST", "/work",
                          [this](const rpc::Request& request, rpc::Responder responder) {
                            auto work = cf::parse_work(request.body);
                            CHECK(work.has_value());
                            works.push_back(*work);
                            traces.emplace_back(request.header("X-Vcap-Request-Id"));
                            if (breaks) return;  // 500
                            if (holds_work) {
                              held.push_back(std::move(responder));
                              return;
                            }
                            responder.reply(200, "application/json",
                                            refuses ? cf::to_json(*work) : cf::to_json(cf::Work{}));
                          });
  }
  void release() {
    for (rpc::Responder& responder : held)
      responder.reply(200, "application/json", cf::to_json(state));
    held.clear();
  }

  std::vector<rpc::Responder> held;
  diego::test::FakeService service;
  cf::CellState state;
  bool is_healthy = true;
  bool holds_state = false;
  bool holds_work = false;
  bool refuses = false;
  bool breaks = false;
  int asked = 0;
  std::vector<cf::Work> works;
  std::vector<std::string> traces;  // of each
};

// Knows the cells and remembers the failures.
class FakeBbs {
 public:
  explicit FakeBbs(rpc::test::TestBed& bed) : service(bed) { serve(); }

  void serve() {
    service.server->route("POST", "/v1/cells/list.r1",
                          [this](const rpc::Request&, rpc::Responder responder) {
                            ++asked;
                            models::CellsResponse response;
                            for (const auto& [id, url] : cells) {
                              models::CellPresence& cell = *response.add_cells();
                              cell.set_cell_id(id);
                              cell.set_rep_url(url);
                            }
                            diego::test::reply_with(responder, response);
                          });
    service.server->route(
        "POST", "/v1/actual_lrps/fail", [this](const rpc::Request& http, rpc::Responder responder) {
          models::FailActualLRPRequest request;
          CHECK(request.ParseFromString(http.body));
          if (breaks_reports) {
            ++broken_reports;
            return responder.reply(500);
          }
          report_traces.emplace_back(http.header("X-Vcap-Request-Id"));
          failed.push_back(request.actual_lrp_key().process_guid() + "." +
                           std::to_string(request.actual_lrp_key().index()) + " " +
                           request.actual_lrp_key().domain() + ": " + request.error_message());
          diego::test::reply_with(responder, models::ActualLRPLifecycleResponse());
        });
    service.server->route(
        "POST", "/v1/tasks/reject", [this](const rpc::Request& http, rpc::Responder responder) {
          models::RejectTaskRequest request;
          CHECK(request.ParseFromString(http.body));
          report_traces.emplace_back(http.header("X-Vcap-Request-Id"));
          rejected.push_back(request.task_guid() + ": " + request.rejection_reason());
          diego::test::reply_with(responder, models::TaskLifecycleResponse());
        });
    service.server->route("POST", "/models.Locket/:call",
                          [this](const rpc::Request& http, rpc::Responder responder) {
                            lock_calls.push_back(http.path_params.at("call"));
                            if (refuses_lock)
                              return responder.reply(409, "text/plain", "lock-collision");
                            responder.reply(200);
                          });
  }
  void add(const FakeCell& cell) { cells.emplace_back(cell.state.cell_id, cell.service.url()); }

  diego::test::FakeService service;
  std::vector<std::pair<std::string, std::string>> cells;
  int asked = 0;
  bool refuses_lock = false;
  bool breaks_reports = false;  // of instances
  int broken_reports = 0;
  std::vector<std::string> failed;
  std::vector<std::string> rejected;
  std::vector<std::string> report_traces;  // of both
  std::vector<std::string> lock_calls;
};

inline cf::LrpStartRequest lrp_request(std::string guid, std::vector<int32_t> indices,
                                       int32_t memory_mb = 10) {
  return {.process_guid = std::move(guid),
          .domain = "d",
          .indices = std::move(indices),
          .demand = {.memory_mb = memory_mb, .disk_mb = 10, .root_fs = "preloaded:base"}};
}

inline cf::TaskStartRequest task_request(std::string guid, int32_t memory_mb = 10) {
  return {.task_guid = std::move(guid),
          .domain = "d",
          .demand = {.memory_mb = memory_mb, .disk_mb = 10, .root_fs = "preloaded:base"}};
}

}  // namespace causeway::auctioneer::test
