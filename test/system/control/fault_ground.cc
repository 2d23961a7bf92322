#include "test/system/control/fault_ground.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "bench/platform_load/messages.h"

namespace causeway::platform {

using namespace std::chrono_literals;

namespace {

constexpr Duration heart_beat = 2s;

}  // namespace

void FaultGround::begin(const std::string& bbs_url, const std::vector<Seat>& seats) {
  bbs_url_ = bbs_url;
  calls_.emplace(ground_.loop(), bbs_url_, 16, 5s);
  uint64_t cells = 0;
  for (const Seat& seat : seats) {
    FleetOptions options;
    options.cells = seat.cells;
    options.first_cell = cells;
    options.address = seat.address;
    options.capacity.containers = seat.containers;
    options.bbs_url = seat.bbs_url;
    options.presence_ttl = seat.presence_ttl;
    options.heart_beat = heart_beat;
    cells += seat.cells;
    cell_calls_.push_back(std::make_unique<Calls>(ground_.loop(), seat.bbs_url, 64, 5s));
    fleets_.push_back(
        std::make_unique<Fleet>(ground_.loop(), ground_.logger(), options, *cell_calls_.back()));
    ASSERT_TRUE(fleets_.back()->start());
    followers_.push_back(std::make_unique<Follower>(ground_.loop(), seat.bbs_url));
  }
  ASSERT_TRUE(until([this] {
    return std::all_of(fleets_.begin(), fleets_.end(), [](const auto& fleet) {
      return fleet->counts().present == fleet->options().cells;
    });
  }));
  models::UpsertDomainRequest fresh;
  fresh.set_domain(domain);
  ASSERT_TRUE(post<models::UpsertDomainResponse>("/v1/domains/upsert", fresh));
  for (const auto& fleet : fleets_) fleet->begin_beating();
}

bool FaultGround::until(const std::function<bool()>& holds) { return ground_.until(120s, holds); }

void FaultGround::let_pass(Duration time) {
  ground_.until(time, [] { return false; });
}

std::optional<std::string> FaultGround::send(const std::string& path, std::string body) {
  std::optional<Result<rpc::Reply>> answer;
  client_.send({.url = bbs_url_ + path, .body = std::move(body), .timeout = 5s},
               [&](Result<rpc::Reply> reply) { answer = std::move(reply); });
  EXPECT_TRUE(until([&] { return answer.has_value(); }));
  if (!answer || !*answer) return std::nullopt;
  return std::move((*answer)->body);
}

void FaultGround::ask_until_done(Operation operation, std::function<std::string()> body,
                                 std::function<void(Done)> done) {
  const auto on_reply = [this, operation, body, done](const Result<std::string>& reply) {
    const std::string exists = std::to_string(models::Error::ResourceExists) + " ";
    if (reply) {
      done(Done::ours);
    } else if (reply.error().detail.starts_with(exists)) {
      done(Done::exists);
    } else {
      ask_until_done(operation, body, done);
    }
  };
  calls_->add(operation, body, on_reply);
}

void FaultGround::desire_lrp(uint64_t number) {
  const auto body = [number] {
    return cf::encode(desire_request(process_guid(number), instances, 64));
  };
  ask_until_done(Operation::desire_lrp, body, [this, number](Done done) {
    ++lrps_done_;
    if (done == Done::exists) unsure_lrps_.push_back(number);
  });
}

void FaultGround::desire_lrps(uint64_t count) {
  for (; count > 0; --count) desire_lrp(lrps_++);
}

void FaultGround::desire_unsure_lrps() {
  lrps_done_ -= unsure_lrps_.size();
  for (const uint64_t number : std::exchange(unsure_lrps_, {})) desire_lrp(number);
}

void FaultGround::desire_tasks(uint64_t count) {
  for (; count > 0; --count) {
    const auto body = [number = tasks_] {
      return cf::encode(desire_task_request(task_guid(number)));
    };
    ++tasks_;
    ask_until_done(Operation::desire_task, body, [this](Done) { ++tasks_done_; });
  }
}

FaultGround::Containers FaultGround::containers(size_t fleet) const {
  Containers found;
  for (const auto& cell : fleets_.at(fleet)->cells())
    for (const auto& [guid, instance] : cell->instances())
      found.emplace(std::pair{instance.name.process_guid, instance.name.index}, guid);
  return found;
}

FaultGround::Containers FaultGround::containers() const {
  Containers found;
  for (size_t fleet = 0; fleet < fleets_.size(); ++fleet) found.merge(containers(fleet));
  return found;
}

bool FaultGround::is_whole() {
  const size_t wanted = lrps_ * static_cast<size_t>(instances);
  const Containers running = containers();
  why_not_ = std::to_string(lrps_done_) + " LRPs, " + std::to_string(running.size()) +
             " containers of " + std::to_string(wanted);
  if (lrps_done_ < lrps_ || running.size() != wanted) return false;
  const auto list =
      post<models::ActualLRPsResponse>("/v1/actual_lrps/list", models::ActualLRPsRequest());
  if (!list) {
    why_not_ = "the bbs does not answer";
    return false;
  }
  Follower::Running rows;
  for (const auto& row : list->actual_lrps()) {
    const auto& key = row.actual_lrp_key();
    const auto& guid = row.actual_lrp_instance_key().instance_guid();
    const auto [first, last] = running.equal_range({key.process_guid(), key.index()});
    const bool is_there =
        std::any_of(first, last, [&](const auto& container) { return container.second == guid; });
    if (row.presence() != models::ActualLRP::ORDINARY || row.state() != cf::kRunning || !is_there) {
      why_not_ = "row of " + key.process_guid() + ": " + row.state() + " " +
                 models::ActualLRP::Presence_Name(row.presence()) + " on " +
                 row.actual_lrp_instance_key().cell_id();
      return false;
    }
    rows.insert({key.process_guid(), key.index(), guid});
  }
  why_not_ = std::to_string(list->actual_lrps_size()) + " rows of " + std::to_string(wanted);
  if (rows.size() != wanted || rows.size() != static_cast<size_t>(list->actual_lrps_size()))
    return false;
  for (const auto& follower : followers_) {
    why_not_ = "a follower knows " + std::to_string(follower->running().size()) +
               " instances, not those " + std::to_string(wanted);
    if (follower->running() != rows) return false;
  }
  return true;
}

std::vector<models::ActualLRP> FaultGround::running_rows() {
  std::vector<models::ActualLRP> rows;
  const auto list =
      post<models::ActualLRPsResponse>("/v1/actual_lrps/list", models::ActualLRPsRequest());
  if (!list) return rows;
  for (const auto& row : list->actual_lrps())
    if (row.state() == cf::kRunning) rows.push_back(row);
  return rows;
}

bool FaultGround::becomes_whole() {
  const bool is = until([this, polls = 0]() mutable {
    let_pass(200ms);
    if (is_whole()) return true;
    if (++polls % 10 == 0) desire_unsure_lrps();
    return false;
  });
  EXPECT_TRUE(is) << why_not_;
  return is;
}

// When each ended; nothing while one has not.
std::optional<std::map<std::string, int64_t>> FaultGround::ended_tasks() {
  if (tasks_done_ < tasks_) return std::nullopt;
  const auto list = post<models::TasksResponse>("/v1/tasks/list.r3", models::TasksRequest());
  if (!list) return std::nullopt;
  std::map<std::string, int64_t> ended;
  for (const auto& task : list->tasks()) {
    if (task.state() != models::Task::Completed) return std::nullopt;
    ended[task.task_guid()] = task.first_completed_at();
  }
  return ended;
}

void FaultGround::expect_tasks_to_have_ended_once() {
  std::optional<std::map<std::string, int64_t>> ended;
  const auto all_have = [&] {
    let_pass(200ms);
    return (ended = ended_tasks()).has_value();
  };
  ASSERT_TRUE(until(all_have)) << tasks_done_ << " of " << tasks_ << " tasks were desired";
  EXPECT_FALSE(ended->empty());
  // Each was completed by one call; a completion whose answer was lost counts as none.
  uint64_t done = 0;
  for (const auto& fleet : fleets_) done += fleet->counts().tasks_done;
  EXPECT_LE(done, tasks_);
  const auto before = *ended;
  let_pass(3s);  // a pass later
  ASSERT_TRUE(until(all_have));
  for (const auto& [guid, when] : *ended) EXPECT_EQ(before.at(guid), when) << guid;
}

}  // namespace causeway::platform
