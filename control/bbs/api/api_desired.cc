#include "control/bbs/api/api_call.h"
#include "control/bbs/rows/fold_layers.h"
#include "control/bbs/rows/stored_bytes.h"
#include "control/bbs/rules/desired_rules.h"

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
      [decide](auto& request, const Caller& caller, const auto& respond) {
        models::DesiredLRP& lrp = *request.mutable_desired_lrp();
        if (!compact_routes(*lrp.mutable_routes())) {
          DesiredChanged refused;
          set_refusal(refused, {models::Error::InvalidRequest, "Invalid field: routes"});
          return respond(refused);
        }
        decide(
            lrp.process_guid(),
            [&lrp](const ProcessState& state, const Moment& moment) {
              return desire(state, lrp, moment);
            },
            caller, respond);
      });
  call<models::UpdateDesiredLRPRequest, DesiredChanged>(
      server, "/v1/desired_lrp/update",
      [decide](auto& request, const Caller& caller, const auto& respond) {
        models::DesiredLRPUpdate& changes = *request.mutable_update();
        if (changes.has_routes() && !compact_routes(*changes.mutable_routes())) {
          DesiredChanged refused;
          set_refusal(refused, {models::Error::InvalidRequest, "Invalid field: routes"});
          return respond(refused);
        }
        decide(
            request.process_guid(),
            [&changes](const ProcessState& state, const Moment& moment) {
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
  call<models::DesiredLRPsRequest, Lrps>(
      server, "/v1/desired_lrps/list.r3",
      [this](const auto& request, const Caller& caller, const auto&) {
        send_stored<Lrps>(
            caller, query_of(request, true),
            [this](const store::ProcessRows& rows, const std::string& domain, std::string& answer) {
              add_whole(rows, domain, Lrps::kDesiredLrpsFieldNumber, answer);
            });
      });
  call<models::DesiredLRPsRequest, Lrps>(
      server, "/v1/desired_lrps/list.r2",
      [this](const auto& request, const Caller& caller, const auto&) {
        send_list<Lrps>(
            caller, query_of(request, true), [](const ProcessState& state, Lrps& response) {
              if (!state.scheduling) return;
              *response.add_desired_lrps() = whole(state);
              fold_layers(*response.mutable_desired_lrps(response.desired_lrps_size() - 1));
            });
      });
  using One = models::DesiredLRPResponse;
  call<models::DesiredLRPByProcessGuidRequest, One>(
      server, "/v1/desired_lrps/get_by_process_guid.r3",
      [this](const auto& request, const Caller& caller, const auto&) {
        get_whole(request, caller);
      });
  call<models::DesiredLRPByProcessGuidRequest, One>(
      server, "/v1/desired_lrps/get_by_process_guid.r2",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        LrpReader::Query query{.process_guids = std::vector{request.process_guid()},
                               .parts = {.scheduling = true, .run = true}};
        collect<One>(
            caller, std::move(query),
            [](const ProcessState& state, One& response) {
              if (!state.scheduling) return;
              *response.mutable_desired_lrp() = whole(state);
              fold_layers(*response.mutable_desired_lrp());
            },
            [respond](One& response) {
              if (!response.has_error() && !response.has_desired_lrp())
                set_refusal(response, refuse(models::Error::ResourceNotFound));
              respond(response);
            });
      });
}

// Both parts of a desired LRP as a field of an answer; nothing when there is none.
void Api::add_whole(const store::ProcessRows& rows, const std::string& domain, int number,
                    std::string& answer) {
  if (!rows.scheduling) return;
  const auto scheduling = look_into_desired(*rows.scheduling);
  if (scheduling && !domain.empty() && scheduling->domain != domain) return;
  if (!scheduling || !append_whole_desired(answer, static_cast<uint32_t>(number), *rows.scheduling,
                                           rows.run ? std::string_view(*rows.run) : ""))
    services_.reader.note_undecodable(rows.process_guid);
}

void Api::get_whole(const models::DesiredLRPByProcessGuidRequest& request, const Caller& caller) {
  using One = models::DesiredLRPResponse;
  const uint64_t id = caller.id;
  services_.reader.read_rows(
      {.process_guids = std::vector{request.process_guid()},
       .parts = {.scheduling = true, .run = true}},
      [this, id](const store::ProcessRows& rows, const std::string& domain) {
        add_whole(rows, domain, One::kDesiredLrpFieldNumber, open_->at(id).bytes);
      },
      [this, id](const Result<void>& done) {
        std::string bytes = std::move(open_->at(id).bytes);
        if (done && !bytes.empty()) return answer_bytes(id, std::move(bytes), false);
        One refused;
        if (done) {
          set_refusal(refused, refuse(models::Error::ResourceNotFound));
        } else {
          set_error(refused, done.error());
        }
        answer(id, refused, true);
      });
}

}  // namespace causeway::bbs
