#pragma once

// A whole bbs in this process, on a store in memory, called over real HTTP. Test code.

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "control/bbs/errands/outbox.h"
#include "control/bbs/service.h"
#include "control/store/memory_store.h"
#include "diego/bbs_events.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/timer.h"
#include "rpc/client.h"

namespace causeway::bbs::test {

// Real time, moved forward on demand.
class ShiftedClock final : public Clock {
 public:
  Instant now() const override { return system_.now() + shift_; }
  WallTime wall() const override { return {system_.wall().unix_ns + shift_.count()}; }
  void advance(Duration by) { shift_ += by; }

 private:
  SystemClock system_;
  Duration shift_{};
};

// Notes what the bbs asks of others.
class FakeOutbox final : public Outbox {
 public:
  void place(cf::LrpStartRequest request) override { lrps.push_back(std::move(request)); }
  void place(cf::TaskStartRequest request) override { tasks.push_back(std::move(request)); }
  void stop(const std::string& rep_url, const std::string& process_guid,
            const std::string& instance_guid, const std::string&, OnDone on_done) override {
    told.push_back("stop " + process_guid + "/" + instance_guid + " at " + rep_url);
    on_done({});
  }
  void update(const std::string& rep_url, const cf::LrpUpdate& update, OnDone on_done) override {
    told.push_back("update " + update.process_guid + "/" + update.instance_guid + " at " + rep_url);
    on_done({});
  }
  void cancel_task(const std::string& rep_url, const std::string& task_guid, const std::string&,
                   OnDone on_done) override {
    told.push_back("cancel " + task_guid + " at " + rep_url);
    on_done({});
  }
  void call_back(const std::string& url, std::string body,
                 std::function<void(Result<int>)> on_status) override {
    callbacks.push_back(url + " " + body);
    on_status(callback_status);
  }

  // "p[0,1] q[2]" of the requests since the last call.
  std::string take_placed() {
    std::string text;
    for (const auto& request : std::exchange(lrps, {})) {
      std::string indexes;
      for (const int32_t index : request.indices)
        indexes += (indexes.empty() ? "" : ",") + std::to_string(index);
      text += (text.empty() ? "" : " ") + request.process_guid + "[" + indexes + "]";
    }
    return text;
  }

  std::vector<cf::LrpStartRequest> lrps;
  std::vector<cf::TaskStartRequest> tasks;
  std::vector<std::string> told;
  std::vector<std::string> callbacks;
  Result<int> callback_status = 200;
};

// A task of "cf-tasks" that can be desired.
inline models::DesireTaskRequest task_request(const std::string& guid) {
  models::DesireTaskRequest request;
  request.set_task_guid(guid);
  request.set_domain("cf-tasks");
  auto& definition = *request.mutable_task_definition();
  definition.set_root_fs("preloaded:stack");
  definition.mutable_action()->mutable_run_action()->set_path("/bin/true");
  definition.mutable_action()->mutable_run_action()->set_user("vcap");
  return request;
}

class BbsTest : public testing::Test {
 protected:
  BbsTest() {
    config_.converge_repeat_interval = std::chrono::hours(1);  // unless a test asks for a pass
    tick_.every(std::chrono::milliseconds(5), [] {});
    start();
  }

  // A new bbs on the same store.
  void start() {
    events_.reset();
    service_.reset();
    registry_ = std::make_unique<metrics::Registry>();
    service_ = std::make_unique<Service>(
        Service::World{loop_, store_, outbox_, clock_, logger_, *registry_,
                       [this] { return "guid-" + std::to_string(++guids_); }},
        config_);
    url_ = "http://" + service_->listen(net::Address::loopback(0)).value().to_string();
    service_->start();
    // The pass at the start is over before a test goes on.
    settle();
  }

  // What is put into the store from outside is seen at once then.
  void read_all_from_store() {
    config_.keep_rows_in_memory = false;
    start();
  }
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }
  // One more pass has ended.
  void settle() {
    const double before = metric("ConvergenceLRPRuns");
    EXPECT_TRUE(until([&] { return metric("ConvergenceLRPRuns") > before; }));
  }
  double metric(const std::string& name) const {
    const std::string text = "\n" + registry_->prometheus_text();
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  }
  // A pass now, as `converge_repeat_interval` would bring it.
  void converge() {
    // A cell that appears or goes asks for a pass; so does the store.
    store_.set_usable(false);
    store_.set_usable(true);
    settle();
  }

  rpc::Reply post_raw(const std::string& path, std::string body) {
    std::optional<Result<rpc::Reply>> answer;
    client_.send({.url = url_ + path, .body = std::move(body)},
                 [&](Result<rpc::Reply> reply) { answer = std::move(reply); });
    EXPECT_TRUE(until([&] { return answer.has_value(); })) << path;
    if (!answer || !*answer) return {};
    return std::move(**answer);
  }
  template <class Response, class Request>
  Response post(const std::string& path, const Request& request) {
    const rpc::Reply reply = post_raw(path, cf::encode(request));
    EXPECT_EQ(reply.status, 200) << path;
    Response response;
    EXPECT_TRUE(cf::decode(reply.body, response)) << path;
    return response;
  }

  // Calls, answering the error: "" or "12 the requested resource already exists".
  template <class Response = models::ActualLRPLifecycleResponse, class Request>
  std::string error_of(const std::string& path, const Request& request) {
    const auto response = post<Response>(path, request);
    return response.has_error()
               ? std::to_string(response.error().type()) + " " + response.error().message()
               : "";
  }

  static models::DesiredLRP lrp(const std::string& guid, int32_t instances) {
    models::DesiredLRP lrp;
    lrp.set_process_guid(guid);
    lrp.set_domain("cf-apps");
    lrp.set_log_guid("log-" + guid);
    lrp.set_root_fs("preloaded:stack");
    lrp.set_instances(instances);
    lrp.set_memory_mb(64);
    lrp.mutable_action()->mutable_run_action()->set_path("/bin/app");
    lrp.mutable_action()->mutable_run_action()->set_user("vcap");
    lrp.add_environment_variables()->set_name("A");
    (*lrp.mutable_metric_tags())["source_id"].set_static_(guid);
    (*lrp.mutable_routes()->mutable_routes())["cf-router"] =
        R"([{"hostnames": ["x.example"], "port": 8080}])";
    return lrp;
  }
  std::string desire(const models::DesiredLRP& lrp) {
    models::DesireLRPRequest request;
    *request.mutable_desired_lrp() = lrp;
    return error_of<models::DesiredLRPLifecycleResponse>("/v1/desired_lrp/desire.r2", request);
  }
  std::string scale(const std::string& guid, int32_t instances) {
    models::UpdateDesiredLRPRequest request;
    request.set_process_guid(guid);
    request.mutable_update()->set_instances(instances);
    return error_of<models::DesiredLRPLifecycleResponse>("/v1/desired_lrp/update", request);
  }
  std::string remove(const std::string& guid) {
    models::RemoveDesiredLRPRequest request;
    request.set_process_guid(guid);
    return error_of<models::DesiredLRPLifecycleResponse>("/v1/desired_lrp/remove", request);
  }

  template <class Request>
  static void fill_keys(Request& request, const std::string& guid, int32_t index,
                        const std::string& instance, const std::string& cell) {
    request.mutable_actual_lrp_key()->set_process_guid(guid);
    request.mutable_actual_lrp_key()->set_index(index);
    request.mutable_actual_lrp_key()->set_domain("cf-apps");
    request.mutable_actual_lrp_instance_key()->set_instance_guid(instance);
    request.mutable_actual_lrp_instance_key()->set_cell_id(cell);
  }
  std::string claim(const std::string& guid, int32_t index, const std::string& instance,
                    const std::string& cell) {
    models::ClaimActualLRPRequest request;
    request.set_process_guid(guid);
    request.set_index(index);
    request.mutable_actual_lrp_instance_key()->set_instance_guid(instance);
    request.mutable_actual_lrp_instance_key()->set_cell_id(cell);
    return error_of("/v1/actual_lrps/claim", request);
  }
  std::string run(const std::string& guid, int32_t index, const std::string& instance,
                  const std::string& cell) {
    models::StartActualLRPRequest request;
    fill_keys(request, guid, index, instance, cell);
    request.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
    auto& port = *request.mutable_actual_lrp_net_info()->add_ports();
    port.set_container_port(8080);
    port.set_host_port(60000 + static_cast<uint32_t>(index));
    (*request.mutable_metric_tags())["source_id"] = guid;
    return error_of("/v1/actual_lrps/start.r1", request);
  }
  std::string crash(const std::string& guid, int32_t index, const std::string& instance,
                    const std::string& cell) {
    models::CrashActualLRPRequest request;
    fill_keys(request, guid, index, instance, cell);
    request.set_error_message("APP: Exited with status 1");
    return error_of("/v1/actual_lrps/crash", request);
  }
  std::string remove_actual(const std::string& guid, int32_t index, const std::string& instance,
                            const std::string& cell) {
    models::RemoveActualLRPRequest request;
    request.set_process_guid(guid);
    request.set_index(index);
    request.mutable_actual_lrp_instance_key()->set_instance_guid(instance);
    request.mutable_actual_lrp_instance_key()->set_cell_id(cell);
    return error_of("/v1/actual_lrps/remove", request);
  }

  // "0:RUNNING@cell/instance 1:UNCLAIMED 1s:..." of one process, or of all.
  std::string rows(const std::string& guid = "", const std::string& cell = "") {
    models::ActualLRPsRequest request;
    request.set_process_guid(guid);
    request.set_cell_id(cell);
    const auto response = post<models::ActualLRPsResponse>("/v1/actual_lrps/list", request);
    EXPECT_FALSE(response.has_error()) << response.error().message();
    std::string text;
    for (const auto& row : response.actual_lrps()) {
      text += (text.empty() ? "" : " ") +
              (guid.empty() ? row.actual_lrp_key().process_guid() + "/" : "") +
              std::to_string(row.actual_lrp_key().index());
      if (row.presence() == models::ActualLRP::EVACUATING) text += "e";
      if (row.presence() == models::ActualLRP::SUSPECT) text += "s";
      text += ":" + row.state();
      const auto& key = row.actual_lrp_instance_key();
      if (!key.cell_id().empty()) text += "@" + key.cell_id() + "/" + key.instance_guid();
    }
    return text;
  }

  int lock(const std::string& key, const std::string& owner, const std::string& value = "",
           models::Resource::TypeCode type = models::Resource::LOCK, int64_t ttl = 15) {
    models::LockRequest request;
    request.mutable_resource()->set_key(key);
    request.mutable_resource()->set_owner(owner);
    request.mutable_resource()->set_value(value);
    request.mutable_resource()->set_type_code(type);
    request.set_ttl_in_seconds(ttl);
    return post_raw("/models.Locket/Lock", cf::encode(request)).status;
  }
  // A cell's presence, as its rep refreshes it.
  void present(const std::string& cell) {
    const std::string value =
        R"({"cell_id":")" + cell + R"(","rep_url":"http://)" + cell + R"(:1801","zone":"z1"})";
    EXPECT_EQ(lock(cell, "rep-of-" + cell, value, models::Resource::PRESENCE), 200);
  }
  // The cell is gone, and bbs has noticed.
  void vanish(const std::string& cell) {
    models::ReleaseRequest request;
    request.mutable_resource()->set_key(cell);
    request.mutable_resource()->set_owner("rep-of-" + cell);
    const double before = metric("ConvergenceLRPRuns");
    EXPECT_EQ(post_raw("/models.Locket/Release", cf::encode(request)).status, 200);
    EXPECT_TRUE(until([&] { return metric("ConvergenceLRPRuns") > before; }));
  }
  void fresh_domain(uint32_t ttl = 0) {
    models::UpsertDomainRequest request;
    request.set_domain("cf-apps");
    request.set_ttl(ttl);
    EXPECT_EQ(error_of<models::UpsertDomainResponse>("/v1/domains/upsert", request), "");
  }

  // Follows the instance events; see seen().
  void subscribe(const std::string& cell = "") {
    models::EventsByCellId filter;
    filter.set_cell_id(cell);
    bool open = false;
    closed_ = false;
    seen_.clear();
    next_event_ = 0;
    events_ = client_.subscribe(
        {.url = url_ + "/v1/events/lrp_instances.r1", .body = cf::encode(filter)},
        {.on_open = [&open] { open = true; },
         .on_event = [this](auto id, auto type, auto data) { note(id, type, data); },
         .on_close = [this](const Error&) { closed_ = true; }});
    EXPECT_TRUE(until([&] { return open; }));
  }
  void note(std::string_view id, std::string_view type, std::string_view data) {
    EXPECT_EQ(id, std::to_string(next_event_++)) << type;
    const auto event = diego::decode_lrp_event(type, data);
    ASSERT_TRUE(event && *event) << type;
    if (is_sentinel(**event)) return;
    last_events_.push_back(**event);
    std::string text(type);
    if (const auto* one = std::get_if<models::ActualLRPInstanceCreatedEvent>(&**event))
      text += detail(one->actual_lrp());
    if (const auto* one = std::get_if<models::ActualLRPInstanceRemovedEvent>(&**event))
      text += detail(one->actual_lrp());
    if (const auto* one = std::get_if<models::ActualLRPInstanceChangedEvent>(&**event))
      text += " " + one->before().state() + "->" + one->after().state() + "@" +
              one->actual_lrp_instance_key().instance_guid();
    if (const auto* one = std::get_if<models::ActualLRPCrashedEvent>(&**event))
      text += " " + std::to_string(one->crash_count()) + "@" +
              one->actual_lrp_instance_key().instance_guid();
    seen_ += (seen_.empty() ? "" : "; ") + text;
  }
  static std::string detail(const models::ActualLRP& row) {
    return " " + row.state() + "@" + row.actual_lrp_instance_key().instance_guid();
  }
  // The events since the last call, "actual_lrp_instance_" left out. The stream keeps their order,
  // so they have all come when those of another LRP have.
  std::string seen() {
    passed_ = false;
    EXPECT_EQ(desire(lrp("sentinel", 0)), "");
    EXPECT_EQ(remove("sentinel"), "");
    EXPECT_TRUE(until([this] { return passed_ || closed_; }));
    std::string text = std::exchange(seen_, {});
    for (size_t at; (at = text.find("actual_lrp_instance_")) != std::string::npos;)
      text.erase(at, 20);
    return text;
  }
  // Is it one of seen()'s own?
  bool is_sentinel(const diego::LrpEvent& event) {
    const auto* created = std::get_if<models::DesiredLRPCreatedEvent>(&event);
    if (created != nullptr) return created->desired_lrp().process_guid() == "sentinel";
    const auto* removed = std::get_if<models::DesiredLRPRemovedEvent>(&event);
    if (removed == nullptr || removed->desired_lrp().process_guid() != "sentinel") return false;
    passed_ = true;
    return true;
  }

  net::Loop loop_;
  net::Timer tick_{loop_};
  log::Sink sink_{{.level = log::Level::error, .path = "/dev/null"}};
  log::Logger logger_{sink_, "bbs"};
  ShiftedClock clock_;
  Config config_;
  store::MemoryStore store_{[this] { loop_.defer([this] { store_.run_pending(); }); }};
  FakeOutbox outbox_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Service> service_;
  rpc::Client client_{loop_};
  std::unique_ptr<rpc::Client::EventStream> events_;
  std::string url_;
  uint64_t guids_ = 0;
  uint64_t next_event_ = 0;
  std::string seen_;
  std::vector<diego::LrpEvent> last_events_;
  bool closed_ = false;
  bool passed_ = false;
};

}  // namespace causeway::bbs::test
