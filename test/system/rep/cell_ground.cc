#include "test/system/rep/cell_ground.h"

#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "cell/runtime/program.h"

namespace causeway::platform {

namespace {

std::string loopback(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

models::Action shell(const std::string& command) {
  models::Action action;
  models::RunAction& run = *action.mutable_run_action();
  run.set_path("/bin/sh");
  run.add_args("-c");
  run.add_args(command);
  run.set_user("vcap");
  run.set_log_source("APP");
  return action;
}

// 10.192.0.0/11, beside the networks that cells draw by their ids, where two may draw the same one.
std::string subnet_of(size_t cell) {
  const size_t network = (static_cast<size_t>(::getpid()) * 2 + cell) % 2048;
  return "10." + std::to_string(192 + network / 64) + "." + std::to_string(network % 64 * 4) +
         ".0/22";
}

}  // namespace

RealCell::RealCell(std::string cell_id, const std::string& root_fs, const std::string& bbs_url,
                   const Options& options)
    : id_(std::move(cell_id)) {
  const std::string configuration =
      R"({"cell_id":")" + id_ + R"(","zone":"z1","bbs_address":")" + bbs_url +
      R"(","listen_addr":")" + loopback(admin_port_) + R"(","state_dir":")" + folder_.path() +
      R"(/state","preloaded_root_fs":["base:)" + root_fs +
      R"("],"memory_mb":"2048","disk_mb":"4096","polling_interval":"1s",)"
      R"("lock_ttl":")" +
      options.presence_ttl +
      R"(","lock_retry_interval":"1s",)"
      R"("evacuation_polling_interval":"1s","evacuation_timeout":"1m",)"
      R"("network":{"subnet":")" +
      options.subnet + R"("},"graceful_shutdown_interval":"1s","garden_healthcheck_interval":"3s")";
  rep_ = std::make_unique<ControlProcess>("rep", "listen_addr_securable", configuration,
                                          ControlProcess::Place{.prefix = options.prefix});
}

RealCell::~RealCell() {
  // One that was killed and not started again would leave its containers.
  if (rep_->pid() <= 0) rep_->start();
  rep_->kill(SIGTERM);
}

std::string CellGround::folder_;

void CellGround::SetUpTestSuite() {
  folder_ = (std::filesystem::temp_directory_path() / "causeway-reps.XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  const auto made = runtime::run_program(
      {std::string(std::getenv("CAUSEWAY_SOURCE_DIR")) + "/tools/rootfs", folder_ + "/root"});
  ASSERT_TRUE(made.has_value()) << made.error().detail;
}

void CellGround::TearDownTestSuite() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

CellGround::CellGround()
    : bbs_("bbs", "listen_address",
           R"({"health_address":")" + loopback(causeway::test::free_port()) +
               R"(","auctioneer_address":"http://)" + loopback(auctioneer_port_) +
               R"(","require_ssl":false,"converge_repeat_interval":"1s",)"
               R"("lock_ttl":"30s","lock_retry_interval":"1s","redis":{"port":)" +
               std::to_string(redis_.port()) + "}"),
      auctioneer_("auctioneer", "health_address",
                  R"({"lock_ttl":"6s","lock_retry_interval":"1s","locket_address":")" + bbs_.url() +
                      R"(","bbs_address":")" + bbs_.url() + R"(","listen_address":")" +
                      loopback(auctioneer_port_) + "\""),
      bbs_client_(bed_.loop(),
                  {.url = bbs_.url(), .timeout = std::chrono::seconds(3), .attempts = 1}) {}

RealCell& CellGround::add_cell(RealCell::Options options) {
  options.subnet = subnet_of(cells_.size());
  const std::string id =
      "faults-" + std::to_string(::getpid()) + "-" + std::to_string(cells_.size());
  cells_.push_back(std::make_unique<RealCell>(id, folder_ + "/root", bbs_.url(), options));
  return *cells_.back();
}

bool CellGround::until(const std::function<bool()>& holds) {
  return bed_.until(holds, std::chrono::seconds(120));
}

void CellGround::let_pass(Duration time) {
  (void)bed_.until([] { return false; }, time);
}

void CellGround::desire_lrps(int32_t count, int32_t instances) {
  for (int32_t i = 0; i < count; ++i) {
    models::DesireLRPRequest request;
    models::DesiredLRP& lrp = *request.mutable_desired_lrp();
    lrp.set_process_guid("process-" + std::to_string(lrps_++));
    lrp.set_domain("apps");
    lrp.set_log_guid(lrp.process_guid());
    lrp.set_root_fs("preloaded:base");
    lrp.set_instances(instances);
    lrp.set_memory_mb(32);
    lrp.set_disk_mb(32);
    (*lrp.mutable_metric_tags())["source_id"].set_static_(lrp.process_guid());
    *lrp.mutable_action() = shell("exec sleep 100000");
    std::optional<bool> desired;
    bbs_client_.desire_lrp(request, [&](const Result<void, diego::BbsError>& answer) {
      EXPECT_TRUE(answer) << diego::to_string(answer.error());
      desired = answer.has_value();
    });
    ASSERT_TRUE(until([&] { return desired.has_value(); }));
    desired_instances_ += instances;
  }
}

void CellGround::desire_tasks(int32_t count, const std::string& seconds) {
  for (int32_t i = 0; i < count; ++i) {
    models::DesireTaskRequest request;
    request.set_task_guid("task-" + std::to_string(tasks_++));
    request.set_domain("apps");
    models::TaskDefinition& task = *request.mutable_task_definition();
    task.set_root_fs("preloaded:base");
    task.set_log_guid(request.task_guid());
    task.set_memory_mb(32);
    task.set_disk_mb(32);
    task.set_result_file("/tmp/result");
    *task.mutable_action() = shell("sleep " + seconds + "; echo -n once >> /tmp/result");
    std::optional<bool> desired;
    bbs_client_.desire_task(request, [&](const Result<void, diego::BbsError>& answer) {
      EXPECT_TRUE(answer) << diego::to_string(answer.error());
      desired = answer.has_value();
    });
    ASSERT_TRUE(until([&] { return desired.has_value(); }));
  }
}

std::optional<std::vector<models::ActualLRP>> CellGround::rows() {
  std::optional<Result<models::ActualLRPsResponse, diego::BbsError>> answer;
  bbs_client_.actual_lrps({}, [&](auto result) { answer = std::move(result); });
  if (!until([&] { return answer.has_value(); }) || !*answer) return std::nullopt;
  return std::vector<models::ActualLRP>((*answer)->actual_lrps().begin(),
                                        (*answer)->actual_lrps().end());
}

std::optional<std::vector<models::Task>> CellGround::tasks() {
  std::optional<Result<models::TasksResponse, diego::BbsError>> answer;
  bbs_client_.tasks({}, [&](auto result) { answer = std::move(result); });
  if (!until([&] { return answer.has_value(); }) || !*answer) return std::nullopt;
  return std::vector<models::Task>((*answer)->tasks().begin(), (*answer)->tasks().end());
}

std::optional<rpc::Reply> CellGround::call(const std::string& method, const std::string& url) {
  std::optional<Result<rpc::Reply>> reply;
  client_.send({.method = method, .url = url}, [&](auto result) { reply = std::move(result); });
  if (!until([&] { return reply.has_value(); }) || !*reply) return std::nullopt;
  return **reply;
}

std::optional<CellGround::Instances> CellGround::instances() {
  Instances found;
  for (const auto& cell : cells_) {
    const auto reply = call("GET", cell->rep().url() + "/state");
    if (!reply) continue;  // it has left, or is being started
    const Result<cf::CellState> state = cf::parse_cell_state(reply->body);
    if (!state) return std::nullopt;
    for (const cf::LrpWork& lrp : state->lrps) {
      if (lrp.state != "RUNNING") return std::nullopt;  // something is under way
      found.emplace(std::pair(lrp.process_guid, lrp.index), lrp.instance_guid);
    }
  }
  return found;
}

bool CellGround::is_whole() {
  const auto known = rows();
  const auto running = instances();
  if (!known || !running) return false;
  Instances rows_of;
  for (const models::ActualLRP& row : *known) {
    if (row.state() != "RUNNING" || row.presence() != models::ActualLRP::ORDINARY) return false;
    rows_of.emplace(std::pair(row.actual_lrp_key().process_guid(), row.actual_lrp_key().index()),
                    row.actual_lrp_instance_key().instance_guid());
  }
  std::ostringstream text;
  text << desired_instances_ << " desired, " << rows_of.size() << " rows, " << running->size()
       << " containers";
  why_not_ = text.str();
  return rows_of == *running && running->size() == static_cast<size_t>(desired_instances_);
}

bool CellGround::becomes_whole() {
  return until([this] {
    if (is_whole()) return true;
    let_pass(std::chrono::milliseconds(100));
    return false;
  });
}

}  // namespace causeway::platform
