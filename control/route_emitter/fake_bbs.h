#pragma once

// For tests: a BBS whose rows and events the test makes, and what to fill it with.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "diego/bbs_events.h"
#include "diego/fake_services.h"

namespace causeway::route_emitter {

inline models::DesiredLRP app(const std::string& guid, const std::string& hostname,
                              uint32_t version = 1) {
  models::DesiredLRP lrp;
  lrp.set_process_guid(guid);
  lrp.set_domain("cf-apps");
  lrp.mutable_modification_tag()->set_epoch("e-" + guid);
  lrp.mutable_modification_tag()->set_index(version);
  (*lrp.mutable_routes()->mutable_routes())["cf-router"] =
      R"([{"hostnames":[")" + hostname + R"("],"port":8080}])";
  return lrp;
}

inline models::ActualLRP running(const std::string& guid, int number,
                                 const std::string& cell = "cell-a") {
  models::ActualLRP lrp;
  lrp.mutable_actual_lrp_key()->set_process_guid(guid);
  lrp.mutable_actual_lrp_instance_key()->set_instance_guid("i" + std::to_string(number));
  lrp.mutable_actual_lrp_instance_key()->set_cell_id(cell);
  lrp.mutable_modification_tag()->set_epoch("e" + std::to_string(number));
  lrp.mutable_modification_tag()->set_index(1);
  lrp.set_state("RUNNING");
  lrp.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
  auto& mapping = *lrp.mutable_actual_lrp_net_info()->add_ports();
  mapping.set_container_port(8080);
  mapping.set_host_port(static_cast<uint32_t>(61000 + number));
  return lrp;
}

template <class Event>
diego::LrpEvent of_app(models::DesiredLRP lrp) {
  Event event;
  *event.mutable_desired_lrp() = std::move(lrp);
  return event;
}
template <class Event>
diego::LrpEvent of_instance(models::ActualLRP lrp) {
  Event event;
  *event.mutable_actual_lrp() = std::move(lrp);
  return event;
}
using AppCreated = models::DesiredLRPCreatedEvent;
using Created = models::ActualLRPInstanceCreatedEvent;
using Removed = models::ActualLRPInstanceRemovedEvent;

// A BBS whose rows the test writes. It can go away, and lose its store.
class FakeBbs {
 public:
  explicit FakeBbs(rpc::test::TestBed& bed) : service(bed) { serve(); }

  void start() {
    service.start();
    serve();
  }
  void stop() {
    streams.clear();
    service.stop();
  }
  void tell(const diego::LrpEvent& event) {
    const auto [type, data] = diego::encode_event(event);
    for (auto& stream : streams) EXPECT_TRUE(stream->send("0", type, data));
  }

  std::vector<models::DesiredLRP> apps;
  std::vector<models::ActualLRP> instances;
  std::vector<std::string> domains = {"cf-apps"};
  bool has_store = true;
  std::vector<std::string> asked;           // paths of all calls
  std::vector<std::string> asked_guids;     // of the last desired_lrp_routing_infos/list
  std::string asked_cell;                   // of the last actual_lrps/list
  std::vector<std::string> followed_cells;  // of each subscription
  std::function<void()> on_instances;       // while the answer is on its way
  std::vector<std::unique_ptr<rpc::Responder::EventStream>> streams;
  diego::test::FakeService service;

 private:
  template <class Response>
  void answer(const rpc::Request& request, rpc::Responder& responder, Response response) {
    asked.push_back(request.path);
    if (!has_store) {
      response.Clear();
      response.mutable_error()->set_type(models::Error::UnknownError);
      response.mutable_error()->set_message("no store");
    }
    diego::test::reply_with(responder, response);
  }

  void serve() {
    auto& server = *service.server;
    server.route("POST", "/v1/events/lrp_instances.r1",
                 [this](const rpc::Request& request, rpc::Responder responder) {
                   models::EventsByCellId filter;
                   EXPECT_TRUE(filter.ParseFromString(request.body));
                   followed_cells.push_back(filter.cell_id());
                   streams.push_back(responder.stream());
                 });
    server.route("POST", "/v1/domains/list",
                 [this](const rpc::Request& request, rpc::Responder responder) {
                   models::DomainsResponse response;
                   for (const std::string& domain : domains) response.add_domains(domain);
                   answer(request, responder, response);
                 });
    server.route("POST", "/v1/actual_lrps/list",
                 [this](const rpc::Request& request, rpc::Responder responder) {
                   models::ActualLRPsRequest filter;
                   EXPECT_TRUE(filter.ParseFromString(request.body));
                   asked_cell = filter.cell_id();
                   models::ActualLRPsResponse response;
                   for (const auto& lrp : instances) *response.add_actual_lrps() = lrp;
                   answer(request, responder, response);
                   if (on_instances) std::exchange(on_instances, nullptr)();
                 });
    server.route("POST", "/v1/desired_lrp_routing_infos/list",
                 [this](const rpc::Request& request, rpc::Responder responder) {
                   models::DesiredLRPsRequest filter;
                   EXPECT_TRUE(filter.ParseFromString(request.body));
                   asked_guids.assign(filter.process_guids().begin(), filter.process_guids().end());
                   models::DesiredLRPsResponse response;
                   for (const auto& lrp : apps) *response.add_desired_lrps() = lrp;
                   answer(request, responder, response);
                 });
  }
};

}  // namespace causeway::route_emitter
