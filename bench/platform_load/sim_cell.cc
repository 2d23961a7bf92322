#include "bench/platform_load/sim_cell.h"

#include <utility>

#include "log/logger.h"
#include "net/loop.h"
#include "tls/random.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr const char* json_type = "application/json";

// The bbs has said no; anything else may be tried again.
bool is_refusal(const Error& error) {
  return error.fault == Fault::conflict &&
         error.detail.starts_with(std::to_string(models::Error::ActualLRPCannotBeStarted) + " ");
}

// Nobody answered, or the bbs could not: "storage is unavailable" and the like.
bool may_be_tried_again(const Error& error) {
  return error.fault != Fault::conflict ||
         error.detail.starts_with(std::to_string(models::Error::UnknownError) + " ");
}

rpc::Server::Options server_options(const FleetOptions& fleet) {
  rpc::Server::Options options;
  options.identity = fleet.identity;
  return options;
}

}  // namespace

const std::string& SimInstance::heart_beat() {
  if (heart_beat_.empty()) heart_beat_ = cf::encode(start_request(name, is_routable_));
  return heart_beat_;
}

void SimInstance::flip() {
  is_routable_ = !is_routable_;
  heart_beat_.clear();
}

SimCell::SimCell(net::Loop& loop, const log::Logger& logger, Fleet& fleet, uint64_t number)
    : loop_(loop),
      fleet_(fleet),
      number_(number),
      id_(cell_id(number)),
      server_(loop, logger, server_options(fleet.options())),
      free_(fleet.options().capacity),
      beat_(loop) {
  add_routes();
}

Result<void> SimCell::start() {
  const auto place = net::Address::parse(fleet_.options().address, 0);
  if (!place) return place.error();
  const auto address = server_.listen(*place);
  if (!address) return address.error();
  url_ = (fleet_.options().identity == nullptr ? "http://" : "https://") + address->to_string();
  const std::string zone = "z" + std::to_string(number_ % fleet_.options().zones + 1);
  diego::Lease::Options options{.locket_url = fleet_.options().bbs_url,
                                .kind = diego::Lease::Kind::presence,
                                .key = id_,
                                .owner = tls::random_uuid(),
                                .ttl = fleet_.options().presence_ttl,
                                .retry_interval = fleet_.options().presence_ttl / 3,
                                .identity = fleet_.options().identity};
  options.value = to_json(presence_of(id_, zone, url_, fleet_.options().capacity));
  lease_.emplace(loop_, std::move(options),
                 diego::Lease::Events{.on_held =
                                          [this] {
                                            ++fleet_.counts_.present;
                                            ++fleet_.held_;
                                          },
                                      .on_lost =
                                          [this](const Error&) {
                                            --fleet_.counts_.present;
                                            --fleet_.held_;
                                          }});
  return {};
}

void SimCell::add_routes() {
  server_.route("GET", "/ping",
                [](const rpc::Request&, rpc::Responder responder) { responder.reply(200); });
  server_.route("GET", "/state", [this](const rpc::Request&, rpc::Responder responder) {
    ++fleet_.counts_.states_asked;
    responder.reply(200, json_type, state());
  });
  server_.route("POST", "/work", [this](const rpc::Request& request, rpc::Responder responder) {
    const auto work = cf::parse_work(request.body);
    if (!work) return responder.reply(400, "text/plain", work.error().detail);
    responder.reply(200, json_type, to_json(take(*work)));
  });
  server_.route("POST", "/v1/lrps/:process_guid/instances/:instance_guid/stop",
                [this](const rpc::Request& request, rpc::Responder responder) {
                  responder.reply(202);
                  const auto found = instances_.find(request.path_params.at("instance_guid"));
                  if (found == instances_.end()) return;
                  ++fleet_.counts_.stopped;
                  const InstanceName name = found->second.name;
                  forget(name.instance_guid);
                  remove(name);
                });
  for (const char* path : {"/v1/lrps/:process_guid/instances/:instance_guid",
                           "/v2/lrps/:process_guid/instances/:instance_guid"}) {
    server_.route("PUT", path, [this](const rpc::Request& request, rpc::Responder responder) {
      const bool is_known = instances_.contains(request.path_params.at("instance_guid"));
      responder.reply(is_known ? 202 : 404);
    });
  }
  server_.route("POST", "/v1/tasks/:task_guid/cancel",
                [](const rpc::Request&, rpc::Responder responder) { responder.reply(202); });
}

const std::string& SimCell::state() {
  if (!state_.empty()) return state_;
  cf::CellState state;
  state.rep_url = url_;
  state.cell_id = id_;
  state.cell_index = static_cast<int32_t>(number_);
  state.root_fs_providers["preloaded"] = {.is_arbitrary = false, .names = {"cflinuxfs4"}};
  state.root_fs_providers["docker"] = {.is_arbitrary = true, .names = {}};
  state.available = free_;
  state.total = fleet_.options().capacity;
  state.zone = "z" + std::to_string(number_ % fleet_.options().zones + 1);
  for (const auto& [guid, instance] : instances_) {
    state.lrps.push_back(instance.work);
    if (!instance.is_running) ++state.starting_containers;
  }
  state_ = to_json(state);
  return state_;
}

bool SimCell::has_room_for(const cf::Demand& demand) const {
  return free_.containers > 0 && free_.memory_mb >= demand.memory_mb &&
         free_.disk_mb >= demand.disk_mb;
}

cf::Work SimCell::take(const cf::Work& work) {
  cf::Work refused;
  refused.cell_id = id_;
  for (const cf::LrpWork& lrp : work.lrps) {
    if (!has_room_for(lrp.demand)) {
      ++fleet_.counts_.refused;
      refused.lrps.push_back(lrp);
      continue;
    }
    ++fleet_.counts_.taken;
    bring_up(lrp);
  }
  for (const cf::TaskWork& task : work.tasks) run_task(task.task_guid);
  return refused;
}

SimInstance* SimCell::find(const std::string& instance_guid) {
  const auto found = instances_.find(instance_guid);
  return found == instances_.end() ? nullptr : &found->second;
}

void SimCell::forget(const std::string& instance_guid) {
  const auto found = instances_.find(instance_guid);
  if (found == instances_.end()) return;
  const cf::Demand& demand = found->second.work.demand;
  free_.containers += 1;
  free_.memory_mb += demand.memory_mb;
  free_.disk_mb += demand.disk_mb;
  if (found->second.is_running) --fleet_.counts_.running;
  instances_.erase(found);
  state_.clear();
}

void SimCell::bring_up(const cf::LrpWork& work) {
  const std::string guid = tls::random_uuid();
  SimInstance& instance = instances_[guid];
  instance.name = {work.process_guid, work.index, guid, id_};
  instance.work = work;
  instance.work.instance_guid = guid;
  instance.work.state = "CLAIMED";
  free_.containers -= 1;
  free_.memory_mb -= work.demand.memory_mb;
  free_.disk_mb -= work.demand.disk_mb;
  state_.clear();
  if (!fleet_.options().acts) return;
  const InstanceName name = instance.name;
  // Somebody else's by now, or not wanted any more: its container is not made.
  const auto go_on = [this, guid](const Result<std::string>& done) {
    if (!done) forget(guid);
    return done.has_value() && instances_.contains(guid);
  };
  fleet_.calls().add(
      Operation::claim, [name] { return cf::encode(claim_request(name)); },
      [this, name, go_on](const Result<std::string>& claimed) {
        if (!go_on(claimed)) return;
        fleet_.calls().add(
            Operation::start, [name] { return cf::encode(start_request(name, true)); },
            [this, name, go_on](const Result<std::string>& started) {
              if (!go_on(started)) return;
              SimInstance& now = instances_.at(name.instance_guid);
              now.is_running = true;
              now.work.state = "RUNNING";
              ++fleet_.counts_.running;
              state_.clear();
            });
      });
}

void SimCell::remove(const InstanceName& name) {
  fleet_.calls().add(Operation::remove_actual, [name] { return cf::encode(remove_request(name)); });
}

void SimCell::remove_leftovers(const std::string& list) {
  google::protobuf::Arena arena;
  auto& response = *google::protobuf::Arena::CreateMessage<models::ActualLRPsResponse>(&arena);
  if (!cf::decode(list, response)) return;
  for (const models::ActualLRP& row : response.actual_lrps()) {
    const auto& instance = row.actual_lrp_instance_key();
    if (instances_.contains(instance.instance_guid())) continue;
    remove({row.actual_lrp_key().process_guid(), row.actual_lrp_key().index(),
            instance.instance_guid(), id_});
  }
}

void SimCell::run_task(const std::string& guid) {
  if (!fleet_.options().acts) return;
  models::StartTaskRequest start;
  start.set_task_guid(guid);
  start.set_cell_id(id_);
  fleet_.calls().add(
      Operation::start_task, [start] { return cf::encode(start); },
      [this, guid](const Result<std::string>& started) {
        if (started) return complete_task(guid);
        if (may_be_tried_again(started.error())) again_.push_back([this, guid] { run_task(guid); });
      });
}

void SimCell::complete_task(const std::string& guid) {
  models::CompleteTaskRequest complete;
  complete.set_task_guid(guid);
  complete.set_cell_id(id_);
  fleet_.calls().add(
      Operation::complete_task, [complete] { return cf::encode(complete); },
      [this, guid](const Result<std::string>& done) {
        fleet_.counts_.tasks_done += done ? 1 : 0;
        if (!done && may_be_tried_again(done.error()))
          again_.push_back([this, guid] { complete_task(guid); });
      });
}

// What a rep does regularly: asks what the bbs believes it runs, and says what it runs.
void SimCell::beat() {
  const Duration interval = fleet_.options().heart_beat;
  if (interval <= Duration::zero()) return;
  const bool has_begun = beat_.is_armed();
  if (!has_begun) {
    // Spread over the interval, as machines that were started one after the other are.
    const auto offset = interval.count() *
                        static_cast<int64_t>(number_ - fleet_.options().first_cell) /
                        static_cast<int64_t>(fleet_.options().cells);
    return beat_.once(Duration(offset), [this, interval] {
      beat_.every(interval, [this] { beat(); });
      beat();
    });
  }
  if (beats_under_way_ > 0) {
    ++fleet_.counts_.beats_skipped;
    return;
  }
  for (const auto& call : std::exchange(again_, {})) call();
  const auto done = [this](const Result<std::string>&) { --beats_under_way_; };
  models::ActualLRPsRequest list;
  list.set_cell_id(id_);
  ++beats_under_way_;
  fleet_.calls().add(
      Operation::lrps_of_cell, [list] { return cf::encode(list); },
      [this, done](const Result<std::string>& reply) {
        if (reply) remove_leftovers(*reply);
        done(reply);
      });
  for (auto& [guid, instance] : instances_) {
    if (!instance.is_running) continue;
    ++beats_under_way_;
    fleet_.calls().add(
        Operation::heart_beat, [body = instance.heart_beat()] { return body; },
        [this, done, name = guid](const Result<std::string>& reply) {
          // Somebody else's by now: what a rep's container would be stopped for.
          if (!reply && is_refusal(reply.error())) forget(name);
          done(reply);
        });
  }
}

Fleet::Fleet(net::Loop& loop, const log::Logger& logger, FleetOptions options, Calls& calls)
    : options_(std::move(options)), loop_(loop), logger_(logger), calls_(calls) {}

Result<void> Fleet::start() {
  for (uint64_t i = 0; i < options_.cells; ++i) {
    const uint64_t number = options_.first_cell + i;
    cells_.push_back(std::make_unique<SimCell>(loop_, logger_, *this, number));
    if (auto started = cells_.back()->start(); !started) return started;
  }
  return {};
}

void Fleet::begin_beating() {
  for (const auto& cell : cells_) cell->beat();
}

void Fleet::release() {
  for (const auto& cell : cells_) cell->release([this] { held_ -= held_ > 0 ? 1 : 0; });
}

}  // namespace causeway::platform
