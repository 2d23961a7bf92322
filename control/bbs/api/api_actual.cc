#include <algorithm>

#include "control/bbs/api/api_call.h"
#include "control/bbs/events/group_events.h"
#include "control/bbs/readers/cells.h"
#include "control/bbs/rows/settled_start.h"
#include "control/bbs/rows/stored_bytes.h"
#include "control/bbs/rules/evacuation_rules.h"

namespace causeway::bbs {

namespace {

using Changed = models::ActualLRPLifecycleResponse;

bool is_wanted(const models::ActualLRP& lrp, const models::ActualLRPsRequest& request) {
  const auto& key = lrp.actual_lrp_key();
  return (request.domain().empty() || key.domain() == request.domain()) &&
         (request.process_guid().empty() || key.process_guid() == request.process_guid()) &&
         (request.cell_id().empty() ||
          lrp.actual_lrp_instance_key().cell_id() == request.cell_id()) &&
         (!request.has_index() || key.index() == request.index());
}

bool is_wanted(const StoredActual& lrp, const models::ActualLRPsRequest& request) {
  return (request.domain().empty() || lrp.domain == request.domain()) &&
         (request.process_guid().empty() || lrp.process_guid == request.process_guid()) &&
         (request.cell_id().empty() || lrp.cell_id == request.cell_id()) &&
         (!request.has_index() || lrp.index == request.index());
}

void add_rows(const ProcessState& state, const models::ActualLRPsRequest& request,
              google::protobuf::RepeatedPtrField<models::ActualLRP>& rows) {
  for (const auto& [index, of_index] : state.indexes) {
    for (const Presence presence : kPresences) {
      const auto& row = of_index.of(presence);
      if (row && is_wanted(*row, request)) *rows.Add() = *row;
    }
  }
}

std::function<void(const Verdict&)> plain_answer(std::function<void(Changed&)> respond) {
  return [respond = std::move(respond)](const Verdict& verdict) {
    Changed response;
    if (verdict.refusal) set_refusal(response, *verdict.refusal);
    respond(response);
  };
}

// Is the instance the only one of its index, and all that the encoded start says of it?
std::function<bool(const store::ProcessRows&)> heart_beat(int32_t index, std::string_view request) {
  return [slot = slot_name(index, models::ActualLRP::ORDINARY),
          request = std::string(request)](const store::ProcessRows& rows) {
    return rows.actual.size() == 1 && rows.actual.front().slot == slot &&
           is_settled_start(rows.actual.front().bytes, request);
  };
}

std::optional<models::ActualLRPGroup> group_of(const IndexRows& rows,
                                               const models::ActualLRPsRequest& request) {
  models::ActualLRPGroup group;
  const auto& instance = shown_instance(rows);
  if (instance && is_wanted(*instance, request)) *group.mutable_instance() = *instance;
  if (rows.evacuating && is_wanted(*rows.evacuating, request))
    *group.mutable_evacuating() = *rows.evacuating;
  if (!group.has_instance() && !group.has_evacuating()) return std::nullopt;
  return group;
}

}  // namespace

// The instances of one process that are asked for, in the order of their indexes.
void Api::add_stored(const store::ProcessRows& rows, const std::string& domain,
                     const models::ActualLRPsRequest& request, std::string& answer) {
  std::vector<std::pair<std::pair<int32_t, Presence>, std::string_view>> messages;
  for (const store::SlotRow& row : rows.actual) {
    const auto slot = parse_slot(row.slot);
    const auto actual = look_into_actual(row.bytes);
    if (!slot || !actual) {
      services_.reader.note_undecodable(rows.process_guid);
    } else if (is_wanted(*actual, request) && (domain.empty() || actual->domain == domain)) {
      messages.emplace_back(*slot, actual->message);
    }
  }
  std::sort(messages.begin(), messages.end());
  for (const auto& [slot, message] : messages)
    append_message(answer, models::ActualLRPsResponse::kActualLrpsFieldNumber, message);
}

void Api::list_cell(const models::ActualLRPsRequest& request, const Caller& caller) {
  services_.reader.read_cell(
      request.cell_id(),
      [this, request, id = caller.id](const Result<std::vector<store::CellRow>>& rows) {
        if (!rows) {
          models::ActualLRPsResponse refused;
          set_error(refused, rows.error());
          return answer(id, refused, true);
        }
        std::string bytes;
        for (const store::CellRow& row : *rows) {
          const auto actual = look_into_actual(row.bytes);
          if (!actual) {
            services_.reader.note_undecodable(row.process_guid);
          } else if (is_wanted(*actual, request)) {
            append_message(bytes, models::ActualLRPsResponse::kActualLrpsFieldNumber,
                           actual->message);
          }
        }
        answer_bytes(id, std::move(bytes), false);
      });
}

void Api::add_actual_routes(rpc::Server& server) {
  using Lrps = models::ActualLRPsResponse;
  call<models::ActualLRPsRequest, Lrps>(
      server, "/v1/actual_lrps/list",
      [this](const auto& request, const Caller& caller, const auto&) {
        if (!request.cell_id().empty()) return list_cell(request, caller);
        LrpReader::Query query{.domain = request.domain(),
                               .parts = {.scheduling = false, .all_slots = true}};
        if (!request.process_guid().empty()) query.process_guids.emplace({request.process_guid()});
        send_stored<Lrps>(caller, std::move(query),
                          [this, request](const auto& rows, const auto& domain, auto& answer) {
                            add_stored(rows, domain, request, answer);
                          });
      });
  using ByGuids = models::ActualLRPsByProcessGuidsResponse;
  static_assert(int{ByGuids::kActualLrpsFieldNumber} == int{Lrps::kActualLrpsFieldNumber});
  call<models::ActualLRPsByProcessGuidsRequest, ByGuids>(
      server, "/v1/actual_lrps/list_by_process_guids",
      [this](const auto& request, const Caller& caller, const auto&) {
        LrpReader::Query query{.parts = {.scheduling = false, .all_slots = true}};
        query.process_guids.emplace(request.process_guids().begin(), request.process_guids().end());
        send_stored<ByGuids>(caller, std::move(query),
                             [this](const auto& rows, const auto& domain, auto& answer) {
                               add_stored(rows, domain, {}, answer);
                             });
      });

  call<models::ClaimActualLRPRequest, Changed>(
      server, "/v1/actual_lrps/claim",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide(
            request.process_guid(), {.index = request.index()},
            [&request](const auto& state, const auto& moment) {
              return claim(state, request, moment);
            },
            caller.trace_id, plain_answer(respond));
      });
  for (const bool always_routable : {false, true}) {
    call<models::StartActualLRPRequest, Changed>(
        server, always_routable ? "/v1/actual_lrps/start" : "/v1/actual_lrps/start.r1",
        [this, always_routable](auto& request, const Caller& caller, const auto& respond) {
          const int32_t index = request.actual_lrp_key().index();
          Ledger::Selection selection{.index = index};
          if (always_routable) {
            request.set_routable(true);
          } else {
            selection.is_settled = heart_beat(index, caller.body);
          }
          services_.ledger.decide(
              request.actual_lrp_key().process_guid(), std::move(selection),
              [&request](const auto& state, const auto& moment) {
                return start(state, request, moment);
              },
              caller.trace_id, plain_answer(respond));
        });
  }
  call<models::CrashActualLRPRequest, Changed>(
      server, "/v1/actual_lrps/crash",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide(
            request.actual_lrp_key().process_guid(),
            {.index = request.actual_lrp_key().index(), .scheduling = true},
            [&request](const auto& state, const auto& moment) {
              return crash(state, request, moment);
            },
            caller.trace_id, plain_answer(respond));
      });
  call<models::FailActualLRPRequest, Changed>(
      server, "/v1/actual_lrps/fail",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide(
            request.actual_lrp_key().process_guid(), {.index = request.actual_lrp_key().index()},
            [&request](const auto& state, const auto& moment) {
              return fail(state, request, moment);
            },
            caller.trace_id, plain_answer(respond));
      });
  call<models::RemoveActualLRPRequest, Changed>(
      server, "/v1/actual_lrps/remove",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide(
            request.process_guid(), {.index = request.index(), .scheduling = true},
            [&request](const auto& state, const auto& moment) {
              return remove(state, request, moment);
            },
            caller.trace_id, plain_answer(respond));
      });
  call<models::RetireActualLRPRequest, Changed>(
      server, "/v1/actual_lrps/retire",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        retire_when_known(request.actual_lrp_key(), caller, respond);
      });
}

// Looks who holds the instance, then whether that cell is there, then decides.
void Api::retire_when_known(const models::ActualLRPKey& key, const Caller& caller,
                            const Respond<Changed>& respond) {
  const auto decide = [this, key, trace_id = caller.trace_id, respond](CellState cell,
                                                                       std::string cell_id) {
    services_.ledger.decide(
        key.process_guid(), {.index = key.index()},
        [key, cell, cell_id](const ProcessState& state, const Moment&) {
          const auto rows = state.indexes.find(key.index());
          const bool moved = rows != state.indexes.end() && rows->second.ordinary &&
                             rows->second.ordinary->actual_lrp_instance_key().cell_id() != cell_id;
          return retire(state, key, moved ? CellState::unknown : cell);
        },
        trace_id, plain_answer(respond));
  };
  LrpReader::Query query{.process_guids = std::vector{key.process_guid()},
                         .parts = {.scheduling = false,
                                   .slots = {slot_name(key.index(), models::ActualLRP::ORDINARY)}}};
  using Found = models::ActualLRPsResponse;
  collect<Found>(
      caller, std::move(query),
      [](const ProcessState& state, Found& found) {
        add_rows(state, {}, *found.mutable_actual_lrps());
      },
      [this, decide, respond](Found& found) {
        Changed refused;
        if (found.has_error()) {
          *refused.mutable_error() = found.error();
          return respond(refused);
        }
        if (found.actual_lrps().empty()) {
          set_refusal(refused, refuse(models::Error::ResourceNotFound));
          return respond(refused);
        }
        const std::string cell_id = found.actual_lrps(0).actual_lrp_instance_key().cell_id();
        if (cell_id.empty()) return decide(CellState::unknown, cell_id);
        services_.cells.find(cell_id, [decide, respond, cell_id](const auto& cell) {
          if (cell) return decide(*cell ? CellState::present : CellState::absent, cell_id);
          Changed failed;
          set_error(failed, cell.error());
          respond(failed);
        });
      });
}

void Api::add_evacuation_routes(rpc::Server& server) {
  using Evacuated = models::EvacuationResponse;
  const auto answer_kept = [](const Respond<Evacuated>& respond) {
    return [respond](const Verdict& verdict) {
      Evacuated response;
      if (verdict.refusal) {
        set_refusal(response, *verdict.refusal);
        // The container goes when its row has gone; for any other reason the cell asks again.
        response.set_keep_container(verdict.refusal->type != models::Error::ResourceNotFound);
      } else {
        response.set_keep_container(verdict.keep_container);
      }
      respond(response);
    };
  };
  call<models::EvacuateClaimedActualLRPRequest, Evacuated>(
      server, "/v1/actual_lrps/evacuate_claimed",
      [this, answer_kept](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide(
            request.actual_lrp_key().process_guid(),
            {.index = request.actual_lrp_key().index(), .scheduling = true},
            [&request](const auto& state, const auto& moment) {
              return evacuate_claimed(state, request, moment);
            },
            caller.trace_id, answer_kept(respond));
      });
  call<models::EvacuateCrashedActualLRPRequest, Evacuated>(
      server, "/v1/actual_lrps/evacuate_crashed",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide(
            request.actual_lrp_key().process_guid(), {.index = request.actual_lrp_key().index()},
            [&request](const auto& state, const auto& moment) {
              return evacuate_crashed(state, request, moment);
            },
            caller.trace_id,
            [respond](const Verdict& verdict) {
              Evacuated response;  // keep_container is never set
              if (verdict.refusal) set_refusal(response, *verdict.refusal);
              respond(response);
            });
      });
  call<models::EvacuateStoppedActualLRPRequest, Evacuated>(
      server, "/v1/actual_lrps/evacuate_stopped",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide(
            request.actual_lrp_key().process_guid(), {.index = request.actual_lrp_key().index()},
            [&request](const auto& state, const auto&) { return evacuate_stopped(state, request); },
            caller.trace_id,
            [respond](const Verdict& verdict) {
              Evacuated response;
              if (verdict.refusal) set_refusal(response, *verdict.refusal);
              respond(response);
            });
      });
  for (const bool always_routable : {false, true}) {
    call<models::EvacuateRunningActualLRPRequest, Evacuated>(
        server,
        always_routable ? "/v1/actual_lrps/evacuate_running"
                        : "/v1/actual_lrps/evacuate_running.r1",
        [this, always_routable, answer_kept](auto& request, const Caller& caller,
                                             const auto& respond) {
          if (always_routable) request.set_routable(true);
          services_.ledger.decide(
              request.actual_lrp_key().process_guid(), {.scheduling = true},
              [&request](const auto& state, const auto& moment) {
                return evacuate_running(state, request, moment);
              },
              caller.trace_id, answer_kept(respond));
        });
  }
  using Removed = models::RemoveEvacuatingActualLRPResponse;
  call<models::RemoveEvacuatingActualLRPRequest, Removed>(
      server, "/v1/actual_lrps/remove_evacuating",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        services_.ledger.decide(
            request.actual_lrp_key().process_guid(), {.index = request.actual_lrp_key().index()},
            [&request](const auto& state, const auto&) {
              return remove_evacuating(state, request);
            },
            caller.trace_id,
            [respond](const Verdict& verdict) {
              Removed response;
              if (verdict.refusal) set_refusal(response, *verdict.refusal);
              respond(response);
            });
      });
}

void Api::add_group_routes(rpc::Server& server) {
  using Groups = models::ActualLRPGroupsResponse;
  const auto add_groups = [](const ProcessState& state, const models::ActualLRPsRequest& wanted,
                             Groups& response) {
    for (const auto& [index, rows] : state.indexes) {
      if (auto group = group_of(rows, wanted))
        *response.add_actual_lrp_groups() = std::move(*group);
    }
  };
  call<models::ActualLRPGroupsRequest, Groups>(
      server, "/v1/actual_lrp_groups/list",
      [this, add_groups](const auto& request, const Caller& caller, const auto&) {
        models::ActualLRPsRequest wanted;
        wanted.set_domain(request.domain());
        wanted.set_cell_id(request.cell_id());
        send_list<Groups>(caller,
                          LrpReader::Query{.domain = request.domain(),
                                           .parts = {.scheduling = false, .all_slots = true}},
                          [wanted, add_groups](const ProcessState& state, Groups& response) {
                            add_groups(state, wanted, response);
                          });
      });
  call<models::ActualLRPGroupsByProcessGuidRequest, Groups>(
      server, "/v1/actual_lrp_groups/list_by_process_guid",
      [this, add_groups](const auto& request, const Caller& caller, const auto&) {
        LrpReader::Query query{.process_guids = std::vector{request.process_guid()},
                               .parts = {.scheduling = false, .all_slots = true}};
        send_list<Groups>(caller, std::move(query),
                          [add_groups](const ProcessState& state, Groups& response) {
                            add_groups(state, {}, response);
                          });
      });
  using Group = models::ActualLRPGroupResponse;
  call<models::ActualLRPGroupByProcessGuidAndIndexRequest, Group>(
      server, "/v1/actual_lrp_groups/get_by_process_guid_and_index",
      [this](const auto& request, const Caller& caller, const auto& respond) {
        LrpReader::Query query{.process_guids = std::vector{request.process_guid()},
                               .parts = {.scheduling = false}};
        for (const Presence presence : kPresences)
          query.parts.slots.push_back(slot_name(request.index(), presence));
        collect<Group>(
            caller, std::move(query),
            [](const ProcessState& state, Group& response) {
              for (const auto& [index, rows] : state.indexes) {
                if (auto group = group_of(rows, {}))
                  *response.mutable_actual_lrp_group() = std::move(*group);
              }
            },
            [respond](Group& response) {
              if (!response.has_error() && !response.has_actual_lrp_group())
                set_refusal(response, refuse(models::Error::ResourceNotFound));
              respond(response);
            });
      });
}

}  // namespace causeway::bbs
