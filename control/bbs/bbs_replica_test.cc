// The real bbs on a redis-server whose replica stops answering: `redis.wait_replicas`.
#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "control/bbs/test_caller.h"
#include "diego/bbs_events.h"
#include "log/logger.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "test/support/redis_farm.h"

namespace causeway::bbs {
namespace {

using namespace std::chrono_literals;

class ConfirmedBbs final : public causeway::test::ServerProcess {
 public:
  ConfirmedBbs(uint16_t redis_port, std::string auctioneer)
      : redis_port_(redis_port), auctioneer_(std::move(auctioneer)) {
    health_port_ = causeway::test::free_port();
    start_somewhere();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }

 private:
  std::vector<std::string> command(uint16_t port) const override {
    const std::string path = folder() + "/bbs.json";
    std::ofstream(path) << R"({"listen_address":"127.0.0.1:)" << port
                        << R"(","health_address":"127.0.0.1:)" << health_port_
                        << R"(","auctioneer_address":")" << auctioneer_
                        << R"(","require_ssl":false,"log_level":"error",)"
                        << R"("converge_repeat_interval":"1s","kick_task_duration":"1s",)"
                        << R"("redis":{"port":)" << redis_port_
                        << R"(,"wait_replicas":1,"wait_timeout":"500ms"}})";
    return {bbs_program(), "-config", path};
  }
  const uint16_t redis_port_;
  const std::string auctioneer_;
  uint16_t health_port_ = 0;
};

class BbsReplica : public testing::Test, public BbsCaller {
 protected:
  BbsReplica() {
    others_.fallback([this](const rpc::Request& request, rpc::Responder responder) {
      asked_.push_back(request.path + (request.path == "/done" ? "" : request.body));
      responder.reply(request.path == "/done" ? 200 : 202);
    });
    others_url_ = "http://" + others_.listen(net::Address::loopback(0)).value().to_string();
    EXPECT_TRUE(until([&] { return causeway::test::has_replica(primary_.port()); }));
    bbs_.emplace(primary_.port(), others_url_);
  }
  // A test that failed half way must not leave it stopped.
  ~BbsReplica() override { replica_.kill(SIGCONT); }

  // "", or the error's text.
  template <class Response = models::ActualLRPLifecycleResponse, class Request>
  std::string call(const std::string& path, const Request& request) {
    const auto response = post<Response>(bbs_->url() + path, request);
    return response ? response->error().message() : "no answer";
  }
  bool is_usable() {
    return call<models::CellsResponse>("/v1/cells/list.r1", models::PingResponse()).empty();
  }
  template <class Request>
  static Request of_instance(int32_t index, const std::string& instance) {
    Request request;
    if constexpr (requires { request.mutable_actual_lrp_key(); }) {
      request.mutable_actual_lrp_key()->set_process_guid("p");
      request.mutable_actual_lrp_key()->set_index(index);
      request.mutable_actual_lrp_key()->set_domain("d");
    } else {
      request.set_process_guid("p");
      request.set_index(index);
    }
    request.mutable_actual_lrp_instance_key()->set_instance_guid(instance);
    request.mutable_actual_lrp_instance_key()->set_cell_id("c1");
    if constexpr (requires { request.mutable_actual_lrp_net_info(); })
      request.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
    return request;
  }
  std::string claim(int32_t index, const std::string& instance) {
    return call("/v1/actual_lrps/claim",
                of_instance<models::ClaimActualLRPRequest>(index, instance));
  }
  std::string run(int32_t index, const std::string& instance) {
    return call("/v1/actual_lrps/start.r1",
                of_instance<models::StartActualLRPRequest>(index, instance));
  }
  std::string crash(int32_t index, const std::string& instance) {
    return call("/v1/actual_lrps/crash",
                of_instance<models::CrashActualLRPRequest>(index, instance));
  }
  std::string remove(int32_t index, const std::string& instance) {
    return call("/v1/actual_lrps/remove",
                of_instance<models::RemoveActualLRPRequest>(index, instance));
  }
  std::string complete_task() {
    models::CompleteTaskRequest request;
    request.set_task_guid("t");
    request.set_cell_id("c1");
    return call<models::TaskLifecycleResponse>("/v1/tasks/complete", request);
  }
  // The stream's event types, one after the other, into `seen`.
  std::unique_ptr<rpc::Client::EventStream> subscribe(const char* path, std::string& seen) {
    bool open = false;
    auto stream = client_.subscribe(
        {.url = bbs_->url() + path},
        {.on_open = [&open] { open = true; },
         .on_event = [&seen](auto, auto type, auto) { seen += std::string(type) + " "; },
         .on_close = [&seen](const Error&) { seen += "CLOSED "; }});
    EXPECT_TRUE(until([&] { return open; }));
    return stream;
  }
  size_t times_asked(const std::string& what) const {
    size_t times = 0;
    for (const auto& one : asked_) times += one.find(what) != std::string::npos ? 1 : 0;
    return times;
  }

  log::Sink sink_{{.level = log::Level::error, .path = "/dev/null"}};
  log::Logger logger_{sink_, "test"};
  rpc::Server others_{loop_, logger_};  // auctioneer, cell, and who waits for a task
  std::string others_url_;
  std::vector<std::string> asked_;
  causeway::test::RedisNode primary_;
  causeway::test::RedisNode replica_{
      {"--replicaof", "127.0.0.1 " + std::to_string(primary_.port())}};
  std::optional<ConfirmedBbs> bbs_;
};

TEST_F(BbsReplica,
       nothing_is_lost_or_done_twice_and_everybody_hears_of_it_while_it_does_not_answer) {
  ASSERT_TRUE(until([&] { return is_usable(); }));
  // A replica that has just come counts when it has answered once.
  ASSERT_TRUE(until([&] { return present(bbs_->url(), "c1", others_url_, 3600) == 200; }));
  ASSERT_EQ(call<models::DesiredLRPLifecycleResponse>("/v1/desired_lrp/desire.r2",
                                                      desire_request("p", 2)),
            "");
  ASSERT_EQ(run(1, "i1"), "");
  ASSERT_EQ(run(1, "i1"), "") << "nothing is doubtful from before we led any more";
  models::DesireTaskRequest task;
  task.set_task_guid("t");
  task.set_domain("d");
  auto& definition = *task.mutable_task_definition();
  definition.set_root_fs("preloaded:stack");
  definition.mutable_action()->mutable_run_action()->set_path("/bin/true");
  definition.mutable_action()->mutable_run_action()->set_user("vcap");
  definition.set_completion_callback_url(others_url_ + "/done");
  ASSERT_EQ(call<models::TaskLifecycleResponse>("/v1/tasks/desire.r2", task), "");
  models::StartTaskRequest start;
  start.set_task_guid("t");
  start.set_cell_id("c1");
  ASSERT_EQ(call<models::StartTaskResponse>("/v1/tasks/start", start), "");
  std::string instances, tasks;
  const auto of_instances = subscribe("/v1/events/lrp_instances.r1", instances);
  const auto of_tasks = subscribe("/v1/events/tasks.r1", tasks);
  ASSERT_TRUE(until([&] { return times_asked("/v1/tasks") > 0; }));
  asked_.clear();

  replica_.kill(SIGSTOP);
  const std::string away =
      "storage is unavailable: only 0 replicas have confirmed the write in time";
  EXPECT_EQ(claim(0, "i0"), away);
  EXPECT_EQ(claim(0, "i0"), away) << "it stands, but no better confirmed than before";
  EXPECT_EQ(run(1, "i1"), "") << "nothing has changed here since it was confirmed";
  EXPECT_EQ(run(0, "i0"), away);
  EXPECT_EQ(crash(0, "i0"), away);
  EXPECT_EQ(crash(0, "i0"), away) << "not a second time";
  ASSERT_TRUE(until([&] { return times_asked(R"("process_guid":"p")") >= 1; }))
      << "its restart; asked " << asked_.size();
  EXPECT_EQ(claim(0, "i2"), away);
  EXPECT_EQ(complete_task(), away);
  EXPECT_EQ(complete_task(), away) << "not a second time";
  models::RemoveDesiredLRPRequest removal;
  removal.set_process_guid("p");
  EXPECT_EQ(call<models::DesiredLRPLifecycleResponse>("/v1/desired_lrp/remove", removal), away);
  EXPECT_TRUE(until([&] {
    return times_asked("/v1/lrps/p/instances/i1/stop") == 1 &&
           times_asked("/v1/lrps/p/instances/i2/stop") == 1;
  })) << "their cell is told, once each";
  const std::string changed = "actual_lrp_instance_changed ",
                    created = "actual_lrp_instance_created ",
                    removed = "actual_lrp_instance_removed ";
  const std::string so_far = changed + changed + "actual_lrp_crashed " + created + removed +
                             changed + "desired_lrp_removed ";
  EXPECT_TRUE(until([&] { return instances == so_far; })) << instances;

  replica_.kill(SIGCONT);
  EXPECT_TRUE(until([&] { return remove(1, "i1") != away; }));
  EXPECT_TRUE(until([&] { return remove(0, "i2") != away; }));
  EXPECT_TRUE(until([&] { return instances == so_far + removed + removed; })) << instances;
  EXPECT_TRUE(until([&] { return tasks.ends_with("task_removed "); })) << tasks;
  EXPECT_NE(crash(0, "i0"), away) << "the truth, now sure";
  EXPECT_EQ(times_asked("/done"), 1u) << "told once";
  EXPECT_EQ(tasks.find("CLOSED"), std::string::npos);
  EXPECT_EQ(causeway::test::redis_cli(replica_.port(), "--raw KEYS '*:actual:*'").size(),
            causeway::test::redis_cli(primary_.port(), "--raw KEYS '*:actual:*'").size());
}

}  // namespace
}  // namespace causeway::bbs
