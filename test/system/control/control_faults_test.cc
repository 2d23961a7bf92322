// Real servers under cells that act, while processes are killed and stopped.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include <gtest/gtest.h>

#include "bench/platform_load/calls.h"
#include "bench/platform_load/ground.h"
#include "bench/platform_load/messages.h"
#include "bench/platform_load/sim_cell.h"
#include "cf/models/models.h"
#include "diego/bbs_events.h"
#include "net/timer.h"
#include "rpc/client.h"
#include "test/support/server_process.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t lrps = 12;
constexpr int32_t instances = 3;
constexpr Duration heart_beat = 2s;

// bbs or auctioneer, on a configuration that is written once its port is known.
class ControlProcess final : public causeway::test::ServerProcess {
 public:
  // `configuration`: JSON without its closing brace and the address that `key` names.
  ControlProcess(std::string program, std::string key, std::string configuration)
      : program_(std::move(program)),
        key_(std::move(key)),
        configuration_(std::move(configuration)) {
    start_somewhere();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/config.json";
    std::ofstream(path) << configuration_ << ",\"" << key_ << R"(":"127.0.0.1:)" << port << "\"}";
    return {std::string(std::getenv("CAUSEWAY_BIN_DIR")) + "/" + program_, "-config", path};
  }
  const std::string program_, key_, configuration_;
};

std::string loopback(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

// Which instances run, as one who follows the events knows it.
class Follower {
 public:
  using Running = std::set<std::tuple<std::string, int32_t, std::string>>;

  Follower(net::Loop& loop, std::string bbs_url)
      : client_(loop), url_(std::move(bbs_url)), retry_(loop) {
    subscribe();
  }
  const Running& running() const { return running_; }
  uint64_t cuts() const { return cuts_; }

 private:
  // Subscribes first, reads then; begins anew when it is cut off.
  void subscribe() {
    stream_ =
        client_.subscribe({.url = url_ + "/v1/events/lrp_instances.r1"},
                          {.on_open = [this] { read(); },
                           .on_event = [this](auto, auto type, auto data) { hear(type, data); },
                           .on_close =
                               [this](const Error&) {
                                 ++cuts_;
                                 retry_.once(100ms, [this] { subscribe(); });
                               }});
  }
  void read() {
    early_.clear();
    is_reading_ = true;
    client_.send({.url = url_ + "/v1/actual_lrps/list"}, [this](const Result<rpc::Reply>& reply) {
      is_reading_ = false;
      models::ActualLRPsResponse response;
      if (!reply || !cf::decode(reply->body, response) || response.has_error()) {
        retry_.once(100ms, [this] { read(); });
        return;
      }
      running_.clear();
      for (const auto& row : response.actual_lrps())
        note(row.actual_lrp_key(), row.actual_lrp_instance_key(), row.state());
      for (const auto& event : early_) apply(event);
    });
  }
  void hear(std::string_view type, std::string_view data) {
    const auto event = diego::decode_lrp_event(type, data);
    ASSERT_TRUE(event && *event) << type;
    if (is_reading_) {
      early_.push_back(**event);
    } else {
      apply(**event);
    }
  }
  void apply(const diego::LrpEvent& event) {
    if (const auto* created = std::get_if<models::ActualLRPInstanceCreatedEvent>(&event))
      note(created->actual_lrp().actual_lrp_key(), created->actual_lrp().actual_lrp_instance_key(),
           created->actual_lrp().state());
    if (const auto* removed = std::get_if<models::ActualLRPInstanceRemovedEvent>(&event))
      note(removed->actual_lrp().actual_lrp_key(), removed->actual_lrp().actual_lrp_instance_key(),
           "");
    if (const auto* changed = std::get_if<models::ActualLRPInstanceChangedEvent>(&event))
      note(changed->actual_lrp_key(), changed->actual_lrp_instance_key(), changed->after().state());
  }
  void note(const models::ActualLRPKey& key, const models::ActualLRPInstanceKey& instance,
            const std::string& state) {
    const std::tuple name{key.process_guid(), key.index(), instance.instance_guid()};
    if (state == cf::kRunning) {
      running_.insert(name);
    } else {
      running_.erase(name);
    }
  }

  rpc::Client client_;
  const std::string url_;
  net::Timer retry_;
  std::unique_ptr<rpc::Client::EventStream> stream_;
  bool is_reading_ = false;
  std::vector<diego::LrpEvent> early_;
  Running running_;
  uint64_t cuts_ = 0;
};

class ControlFaults : public testing::Test {
 protected:
  ControlFaults()
      : calls_(ground_.loop(), bbs_.url(), 16, 5s),
        cell_calls_(ground_.loop(), bbs_.url(), 64, 5s),
        client_(ground_.loop()),
        follower_(ground_.loop(), bbs_.url()) {
    FleetOptions options;
    options.cells = 4;
    options.bbs_url = bbs_.url();
    options.heart_beat = heart_beat;
    fleet_.emplace(ground_.loop(), ground_.logger(), options, cell_calls_);
    EXPECT_TRUE(fleet_->start());
    EXPECT_TRUE(until([this] { return fleet_->counts().present == 4; }));
    models::UpsertDomainRequest fresh;
    fresh.set_domain(domain);
    EXPECT_TRUE(post<models::UpsertDomainResponse>("/v1/domains/upsert", fresh));
    fleet_->begin_beating();
  }

  [[nodiscard]] bool until(const std::function<bool()>& holds) { return ground_.until(90s, holds); }
  void let_pass(Duration time) {
    ground_.until(time, [] { return false; });
  }

  // Nothing: no good answer came.
  template <class Response, class Request>
  std::optional<Response> post(const std::string& path, const Request& request) {
    std::optional<Result<rpc::Reply>> answer;
    client_.send({.url = bbs_.url() + path, .body = cf::encode(request), .timeout = 5s},
                 [&](Result<rpc::Reply> reply) { answer = std::move(reply); });
    EXPECT_TRUE(until([&] { return answer.has_value(); }));
    Response response;
    if (!answer || !*answer || !cf::decode((*answer)->body, response) || response.has_error())
      return std::nullopt;
    return response;
  }
  void desire_all() {
    for (uint64_t i = 0; i < lrps; ++i) desire(i);
    for (uint64_t i = 0; i < lrps; ++i)
      calls_.add(Operation::desire_task,
                 [i] { return cf::encode(desire_task_request(task_guid(i))); });
  }
  // Until the bbs has it, as a Cloud Controller asks again.
  void desire(uint64_t number) {
    calls_.add(
        Operation::desire_lrp,
        [number] { return cf::encode(desire_request(process_guid(number), instances, 64)); },
        [this, number](const Result<std::string>& done) {
          const std::string exists = std::to_string(models::Error::ResourceExists) + " ";
          if (done || done.error().detail.starts_with(exists)) {
            desired_.insert(number);
          } else {
            desire(number);
          }
        });
  }
  size_t containers() const {
    size_t sum = 0;
    for (const auto& cell : fleet_->cells()) sum += cell->instances().size();
    return sum;
  }
  // One row and one container for each instance, and the follower knows them.
  bool is_whole() {
    if (desired_.size() < lrps || containers() != lrps * instances) return false;
    const auto list =
        post<models::ActualLRPsResponse>("/v1/actual_lrps/list", models::ActualLRPsRequest());
    if (!list) return false;
    Follower::Running running;
    for (const auto& row : list->actual_lrps()) {
      if (row.presence() != models::ActualLRP::ORDINARY || row.state() != cf::kRunning)
        return false;
      const auto& guid = row.actual_lrp_instance_key().instance_guid();
      const bool is_there =
          std::any_of(fleet_->cells().begin(), fleet_->cells().end(),
                      [&](const auto& cell) { return cell->instances().contains(guid); });
      if (!is_there) return false;
      running.insert({row.actual_lrp_key().process_guid(), row.actual_lrp_key().index(), guid});
    }
    return running.size() == lrps * instances && list->actual_lrps_size() == lrps * instances &&
           follower_.running() == running;
  }
  // What runs now, to see whether it goes on.
  std::set<std::string> guids() const {
    std::set<std::string> found;
    for (const auto& cell : fleet_->cells())
      for (const auto& [guid, instance] : cell->instances()) found.insert(guid);
    return found;
  }

  Ground ground_{false};
  causeway::test::RedisServer redis_{{.persist = true}};
  // The two name each other: this port is chosen first.
  const uint16_t auctioneer_port_ = causeway::test::free_port();
  ControlProcess bbs_{"bbs", "listen_address",
                      R"({"health_address":")" + loopback(causeway::test::free_port()) +
                          R"(","auctioneer_address":"http://)" + loopback(auctioneer_port_) +
                          R"(","require_ssl":false,"converge_repeat_interval":"2s",)" +
                          R"("log_level":"error","redis":{"port":)" +
                          std::to_string(redis_.port()) + "}"};
  ControlProcess auctioneer_{"auctioneer", "health_address",
                             R"({"log_level":"error","bbs_address":")" + bbs_.url() +
                                 R"(","listen_address":")" + loopback(auctioneer_port_) + "\""};
  Calls calls_, cell_calls_;
  rpc::Client client_;
  Follower follower_;
  std::optional<Fleet> fleet_;
  std::set<uint64_t> desired_;
};

TEST_F(ControlFaults, whatever_is_killed_or_stopped_all_instances_run_once_and_tasks_end_once) {
  desire_all();
  let_pass(200ms);
  bbs_.kill(SIGKILL);
  let_pass(300ms);
  bbs_.start();
  let_pass(300ms);
  auctioneer_.kill(SIGKILL);
  let_pass(500ms);
  auctioneer_.start();
  let_pass(300ms);
  redis_.kill(SIGKILL);
  let_pass(500ms);
  redis_.start();
  let_pass(300ms);
  for (causeway::test::ServerProcess* stopped :
       {static_cast<causeway::test::ServerProcess*>(&bbs_),
        static_cast<causeway::test::ServerProcess*>(&auctioneer_),
        static_cast<causeway::test::ServerProcess*>(&redis_)}) {
    stopped->kill(SIGSTOP);
    let_pass(1500ms);
    stopped->kill(SIGCONT);
    let_pass(200ms);
  }
  EXPECT_TRUE(until([this] {
    let_pass(200ms);
    return is_whole();
  })) << desired_.size()
      << " LRPs, " << containers() << " containers, follower " << follower_.running().size();
  EXPECT_GT(follower_.cuts(), 0u);
  std::map<std::string, std::string> results;
  const auto tasks_have_ended = [&] {
    let_pass(200ms);
    const auto list = post<models::TasksResponse>("/v1/tasks/list.r3", models::TasksRequest());
    if (!list) return false;
    results.clear();
    for (const auto& task : list->tasks()) {
      if (task.state() != models::Task::Completed) return false;
      results[task.task_guid()] = std::to_string(task.first_completed_at());
    }
    return true;
  };
  EXPECT_TRUE(until(tasks_have_ended));
  // Each was completed by one call; a completion whose answer was lost counts as none.
  EXPECT_LE(fleet_->counts().tasks_done, lrps);
  const auto before = results;
  let_pass(3s);  // a pass later
  EXPECT_TRUE(tasks_have_ended());
  EXPECT_EQ(results, before);
}

TEST_F(ControlFaults, what_runs_goes_on_whatever_dies) {
  desire_all();
  ASSERT_TRUE(until([this] {
    let_pass(200ms);
    return is_whole();
  }));
  const auto running = guids();
  bbs_.restart();
  auctioneer_.restart();
  redis_.restart();
  bbs_.kill(SIGSTOP);
  let_pass(3s);
  bbs_.kill(SIGCONT);
  // Two passes and heart-beats of all cells.
  let_pass(5s);
  EXPECT_TRUE(until([this] {
    let_pass(200ms);
    return is_whole();
  }));
  EXPECT_EQ(guids(), running);
}

}  // namespace
}  // namespace causeway::platform
