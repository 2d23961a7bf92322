#include "control/bbs/errands/http_outbox.h"

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "log/logger.h"
#include "net/loop.h"
#include "rpc/server.h"

namespace causeway::bbs {
namespace {

using namespace std::chrono_literals;

// The outbox against a server of this process that plays auctioneer, rep and waiting client.
class OutboxTest : public testing::Test {
 protected:
  OutboxTest() {
    tick_.every(5ms, [] {});
    start_server();
    outbox_ = std::make_unique<HttpOutbox>(loop_, logger_, HttpOutbox::Options{url(), 10s});
  }
  void start_server() {
    server_ = std::make_unique<rpc::Server>(loop_, logger_);
    server_->fallback([this](const rpc::Request& request, rpc::Responder responder) {
      seen_.push_back(request.method + " " + request.path + " " + request.body);
      traces_.emplace_back(request.header("X-Vcap-Request-Id"));
      responder.reply(status_);
    });
    address_ = server_->listen(address_).value();
  }
  std::string url() const { return "http://" + address_.to_string(); }
  [[nodiscard]] bool until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }
  static cf::LrpStartRequest lrp(const std::string& guid, std::vector<int32_t> indices) {
    cf::LrpStartRequest request;
    request.process_guid = guid;
    request.domain = "d";
    request.indices = std::move(indices);
    request.demand.root_fs = "preloaded:stack";
    return request;
  }
  // Guid and indexes of every request to the auctioneer.
  std::vector<std::string> asked() const {
    std::vector<std::string> all;
    for (const auto& line : seen_) {
      const auto requests = cf::parse_lrp_start_requests(line.substr(line.find('[')));
      EXPECT_TRUE(requests) << line;
      std::string text;
      for (const auto& one : *requests) {
        text += one.process_guid + "[";
        for (const int32_t index : one.indices) text += std::to_string(index) + " ";
        text += "]";
      }
      all.push_back(text);
    }
    return all;
  }

  net::Loop loop_;
  net::Timer tick_{loop_};
  log::Sink sink_{{.path = "/dev/null"}};
  log::Logger logger_{sink_, "bbs"};
  net::Address address_ = net::Address::loopback(0);
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<HttpOutbox> outbox_;
  int status_ = 202;
  std::vector<std::string> seen_;
  std::vector<std::string> traces_;  // of each
};

TEST_F(OutboxTest, requests_of_one_moment_go_together_and_fold) {
  outbox_->place(lrp("p", {0, 1}));
  outbox_->place(lrp("q", {0}));
  outbox_->place(lrp("p", {1, 2}));
  ASSERT_TRUE(until([&] { return !seen_.empty(); }));
  outbox_->place(lrp("r", {0}));
  ASSERT_TRUE(until([&] { return seen_.size() == 2; }));
  EXPECT_EQ(asked(), (std::vector<std::string>{"p[0 1 2 ]q[0 ]", "r[0 ]"}));
  EXPECT_TRUE(seen_[0].starts_with("POST /v1/lrps ["));
}

TEST_F(OutboxTest, an_auctioneer_that_is_away_gets_them_when_it_is_back) {
  server_.reset();
  outbox_->place(lrp("p", {0}));
  for (int turn = 0; turn < 30; ++turn) loop_.run_once();
  outbox_->place(lrp("q", {0}));
  start_server();
  ASSERT_TRUE(until([&] { return !seen_.empty(); }));
  EXPECT_EQ(asked(), std::vector<std::string>{"p[0 ]q[0 ]"});
}

TEST_F(OutboxTest, one_that_is_away_too_long_is_given_up_counted_and_asked_anew_when_it_is_back) {
  outbox_ = std::make_unique<HttpOutbox>(
      loop_, logger_,
      HttpOutbox::Options{.auctioneer_url = url(), .auctions_given_up_after = 50ms});
  server_.reset();
  outbox_->place(lrp("p", {0}));
  outbox_->place(lrp("q", {0}));
  ASSERT_TRUE(until([&] { return outbox_->auctions_dropped() == 2; }));
  EXPECT_EQ(outbox_->auctions_waiting(), 0u);
  start_server();
  outbox_->place(lrp("p", {0}));  // convergence does so
  ASSERT_TRUE(until([&] { return !seen_.empty(); }));
  EXPECT_EQ(asked(), std::vector<std::string>{"p[0 ]"});
  EXPECT_EQ(outbox_->auctions_dropped(), 2u);
}

TEST_F(OutboxTest, one_that_cannot_now_is_asked_again_and_one_that_will_not_is_left) {
  status_ = 503;
  outbox_->place(lrp("p", {0}));
  ASSERT_TRUE(until([&] { return seen_.size() == 2; }));
  status_ = 400;
  ASSERT_TRUE(until([&] { return seen_.size() == 3; }));
  status_ = 202;
  outbox_->place(lrp("q", {0}));
  ASSERT_TRUE(until([&] { return seen_.size() == 4; }));
  EXPECT_EQ(asked().back(), "q[0 ]");
}

TEST_F(OutboxTest, the_request_id_goes_along_unless_several_calls_are_asked_for_at_once) {
  const auto traced = [](const char* guid, const char* trace) {
    cf::LrpStartRequest request = lrp(guid, {0});
    request.trace_id = trace;
    return request;
  };
  outbox_->place(traced("p", "one"));
  outbox_->place(traced("q", "one"));
  ASSERT_TRUE(until([&] { return seen_.size() == 1; }));
  outbox_->place(traced("p", "one"));
  outbox_->place(traced("q", "two"));
  ASSERT_TRUE(until([&] { return seen_.size() == 2; }));
  cf::LrpUpdate update;
  update.process_guid = "p";
  update.instance_guid = "i";
  update.trace_id = "three";
  outbox_->update(url(), update, [](const Result<void>&) {});
  ASSERT_TRUE(until([&] { return seen_.size() == 3; }));
  outbox_->cancel_task(url(), "t", "four", [](const Result<void>&) {});
  ASSERT_TRUE(until([&] { return seen_.size() == 4; }));
  cf::TaskStartRequest task;
  task.task_guid = "t";
  task.trace_id = "five";
  outbox_->place(task);
  ASSERT_TRUE(until([&] { return seen_.size() == 5; }));
  EXPECT_EQ(traces_, (std::vector<std::string>{"one", "", "three", "four", "five"}));
}

TEST_F(OutboxTest, tasks_have_their_own_queue) {
  cf::TaskStartRequest task;
  task.task_guid = "t";
  task.domain = "d";
  task.demand.root_fs = "preloaded:stack";
  outbox_->place(task);
  ASSERT_TRUE(until([&] { return !seen_.empty(); }));
  EXPECT_TRUE(seen_[0].starts_with("POST /v1/tasks [")) << seen_[0];
}

TEST_F(OutboxTest, cells_are_told_at_their_own_paths) {
  std::vector<bool> done;
  const auto note = [&](const Result<void>& result) { done.push_back(result.has_value()); };
  outbox_->stop(url(), "p", "i", "trace", note);
  cf::LrpUpdate update;
  update.process_guid = "p";
  update.instance_guid = "i";
  outbox_->update(url(), update, note);
  outbox_->cancel_task(url(), "t", "trace", note);
  ASSERT_TRUE(until([&] { return done.size() == 3; }));
  EXPECT_EQ(done, std::vector<bool>(3, true));
  status_ = 500;
  outbox_->cancel_task(url(), "t", "trace", note);
  ASSERT_TRUE(until([&] { return done.size() == 4; }));
  EXPECT_FALSE(done.back());
  std::string paths;
  for (const auto& line : seen_) paths += line.substr(0, line.find(' ', line.find(' ') + 1)) + "; ";
  for (const char* path : {"POST /v1/lrps/p/instances/i/stop;", "PUT /v2/lrps/p/instances/i;",
                           "POST /v1/tasks/t/cancel;"})
    EXPECT_NE(paths.find(path), std::string::npos) << path << " in " << paths;
}

TEST_F(OutboxTest, callbacks_answer_the_status) {
  status_ = 404;
  int status = 0;
  outbox_->call_back(url() + "/done", "{}",
                     [&](const Result<int>& result) { status = result ? *result : -1; });
  ASSERT_TRUE(until([&] { return status != 0; }));
  EXPECT_EQ(status, 404);
  EXPECT_EQ(seen_[0], "POST /done {}");
}

}  // namespace
}  // namespace causeway::bbs
