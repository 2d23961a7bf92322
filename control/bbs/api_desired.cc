#include "control/bbs/api_call.h"
#include "control/bbs/desired_rules.h"
#include "control/bbs/fold_layers.h"

namespace causeway::bbs {

namespace {

// Which processes a request asks for.
LrpReader::Query query_of(const models::DesiredLRPsRequest& request, bool with_run) {
  LrpReader::Query query{.domain = request.domain(),
                         .parts = {.scheduling = true, .run = with_run}};
  query.prefixes.assign(request.app_guids().begin(), request.app_guids().end());
  if (request.process_guids().empty()) return query;
  auto& guids = query.process_guids.emplace();
  for (const std::string& guid : request.process_guids()) {
    const bool wanted =
        query.prefixes.empty() ||
        std::any_of(query.prefixes.begin(), query.prefixes.end(),
                    [&](const std::string& prefix) { return guid.starts_with(prefix); });
    if (wanted) guids.push_back(guid);
  }
  return query;
}

models::DesiredLRP whole(const ProcessState& state) {
  return join_desired(*state.scheduling, state.run ? *state.run : models::DesiredLRP());
}

}  // namespace

void Api::add_desired_routes(rpc::Server& server) {
  using DesiredChanged = models::DesiredLRPLifecycleResponse;
  const auto decide = [this](const std::string& guid, Rule rule, const Caller& caller,
                             const Respond<DesiredChanged>& respond) {
    services_.ledger.decide(guid, {.scheduling = true, .run = true}, std::move(rule),
                            caller.trace_id, [respond](const Verdict& verdict) {
                              DesiredChanged response;
                              if (verdict.refusal) set_refusal(response, *verdict.refusal);
                              respond(response);
                            });
  };
  call<models::DesireLRPRequest, DesiredChanged>(
      server, "/v1/desired_lrp/desire.r2",
      [decide](const auto& request, const Caller& caller, const auto& respond) {
        models::DesiredLRP lrp = request.desired_lrp();
        if (!compact_routes(*lrp.mutable_routes())) {
          DesiredChanged refused;
          set_refusal(refused, {models::Error::InvalidRequest, "Invalid field: routes"});
          return respond(refused);
        }
        decide(
            lrp.process_guid(),
            [lrp](const ProcessState& state, const Moment& moment) {
              return desire(state, lrp, moment);
            },
            caller, respond);
      });
  call<models::UpdateDesiredLRPRequest, DesiredChanged>(
      server, "/v1/desired_lrp/update",
      [decide](const auto& request, const Caller& caller, const auto& respond) {
        models::DesiredLRPUpdate changes = request.update();
        if (changes.has_routes() && !compact_routes(*changes.mutable_routes())) {
          DesiredChanged refused;
          set_refusal(refused, {models::Error::InvalidRequest, "Invalid field: routes"});
          return respond(refused);
        }
        decide(
            request.process_guid(),
            [changes](const ProcessState& state, const Moment& moment) {
              return update(state, changes, moment);
            },
            caller, respond);
      });
  call<models::RemoveDesiredLRPRequest, DesiredChanged>(
      server, "/v1/desired_lrp/remove",
      [decide](const auto& request, const Caller& caller, const auto& respond) {
        decide(
            request.process_guid(),
            [](const ProcessState& state, const Moment&) { return remove_desired(state); }, caller,
            respond);
      });

  using Infos = models::DesiredLRPSchedulingInfosResponse;
  call<models::DesiredLRPsRequest, Infos>(
      server, "/v1/desired_lrp_scheduling_infos/list",
      [this](const auto& request, const Caller& caller, const auto&) {
        send_list<Infos>(
            caller, query_of(request, false), [](const ProcessState& state, Infos& response) {
              if (state.scheduling)
                *response.add_desired_lrp_scheduling_infos() = scheduling_info(*state.scheduling);
            });
      });
  using Info = models::DesiredLRPSchedulingInfoByProcessGuidResponse;
  call<models::DesiredLRPByProcessGuidRequest, Info>(
      server, "/v1/desired_lrp_scheduling_infos/get_by_process_guid",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        LrpReader::Query query{.process_guids = std::vector{request.process_guid()},
                               .parts = {.scheduling = true}};
        collect<Info>(
            caller, std::move(query),
            [](const ProcessState& state, Info& response) {
              if (state.scheduling)
                *response.mutable_desired_lrp_scheduling_info() =
                    scheduling_info(*state.scheduling);
            },
            [respond](Info& response) {
              if (!response.has_error() && !response.has_desired_lrp_scheduling_info())
                set_refusal(response, refuse(models::Error::ResourceNotFound));
              respond(response);
            });
      });

  using Lrps = models::DesiredLRPsResponse;
  call<models::DesiredLRPsRequest, Lrps>(
      server, "/v1/desired_lrp_routing_infos/list",
      [this](const auto& request, const Caller& caller, const auto&) {
        LrpReader::Query query = query_of(request, false);
        query.domain.clear();  // the original ignores it
        send_list<Lrps>(caller, std::move(query), [](const ProcessState& state, Lrps& response) {
          if (state.scheduling) *response.add_desired_lrps() = routing_info(*state.scheduling);
        });
      });
  for (const bool folded : {false, true}) {
    call<models::DesiredLRPsRequest, Lrps>(
        server, folded ? "/v1/desired_lrps/list.r2" : "/v1/desired_lrps/list.r3",
        [this, folded](const auto& request, const Caller& caller, const auto&) {
          send_list<Lrps>(
              caller, query_of(request, true), [folded](const ProcessState& state, Lrps& response) {
                if (!state.scheduling) return;
                *response.add_desired_lrps() = whole(state);
                if (folded)
                  fold_layers(*response.mutable_desired_lrps(response.desired_lrps_size() - 1));
              });
        });
    using One = models::DesiredLRPResponse;
    call<models::DesiredLRPByProcessGuidRequest, One>(
        server,
        folded ? "/v1/desired_lrps/get_by_process_guid.r2"
               : "/v1/desired_lrps/get_by_process_guid.r3",
        [this, folded](const auto& request, const Caller& caller, const auto& respond) {
          LrpReader::Query query{.process_guids = std::vector{request.process_guid()},
                                 .parts = {.scheduling = true, .run = true}};
          collect<One>(
              caller, std::move(query),
              [folded](const ProcessState& state, One& response) {
                if (!state.scheduling) return;
                *response.mutable_desired_lrp() = whole(state);
                if (folded) fold_layers(*response.mutable_desired_lrp());
              },
              [respond](One& response) {
                if (!response.has_error() && !response.has_desired_lrp())
                  set_refusal(response, refuse(models::Error::ResourceNotFound));
                respond(response);
              });
        });
  }
}

}  // namespace causeway::bbs
