#include "diego/bbs_client.h"

#include <optional>

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "diego/fake_services.h"

namespace causeway::diego {
namespace {

using namespace std::chrono_literals;

class BbsClientTest : public testing::Test {
 protected:
  template <class Response>
  Result<Response, BbsError> wait(std::function<void(BbsClient&, BbsClient::On<Response>)> call) {
    std::optional<Result<Response, BbsError>> result;
    call(*client, [&](Result<Response, BbsError> answer) { result = std::move(answer); });
    EXPECT_FALSE(result);
    EXPECT_TRUE(bed.until([&] { return result.has_value(); }));
    return std::move(*result);
  }

  Result<void, BbsError> wait_done(std::function<void(BbsClient&, BbsClient::OnDone)> call) {
    std::optional<Result<void, BbsError>> result;
    call(*client, [&](Result<void, BbsError> answer) { result = std::move(answer); });
    EXPECT_TRUE(bed.until([&] { return result.has_value(); }));
    return std::move(*result);
  }

  rpc::test::TestBed bed;
  test::FakeService bbs{bed};
  std::unique_ptr<BbsClient> client = std::make_unique<BbsClient>(
      bed.loop(), BbsClient::Options{.url = bbs.url(), .retry_wait = 10ms});
};

TEST_F(BbsClientTest, posts_protobuf_and_reads_the_answer) {
  bbs.server->route("POST", "/v1/actual_lrps/list",
                    [](const rpc::Request& request, rpc::Responder responder) {
                      EXPECT_EQ(request.header("Content-Type"), "application/x-protobuf");
                      models::ActualLRPsRequest asked;
                      ASSERT_TRUE(asked.ParseFromString(request.body));
                      EXPECT_EQ(asked.process_guid(), "p");
                      models::ActualLRPsResponse answer;
                      answer.add_actual_lrps()->set_state("RUNNING");
                      test::reply_with(responder, answer);
                    });
  models::ActualLRPsRequest request;
  request.set_process_guid("p");
  auto answer =
      wait<models::ActualLRPsResponse>([&](BbsClient& c, auto on) { c.actual_lrps(request, on); });
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->actual_lrps(0).state(), "RUNNING");
}

TEST_F(BbsClientTest, an_answer_with_an_error_keeps_its_type) {
  bbs.server->route("POST", "/v1/actual_lrps/claim",
                    [](const rpc::Request&, rpc::Responder responder) {
                      models::ActualLRPLifecycleResponse answer;
                      answer.mutable_error()->set_type(models::Error::ActualLRPCannotBeClaimed);
                      answer.mutable_error()->set_message("cannot claim actual LRP");
                      test::reply_with(responder, answer);
                    });
  auto done = wait_done([](BbsClient& c, auto on) { c.claim_actual_lrp({}, on); });
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().is_type(models::Error::ActualLRPCannotBeClaimed));
  EXPECT_FALSE(done.error().is_type(models::Error::ResourceNotFound));
  EXPECT_EQ(done.error().cause.fault, Fault::conflict);
  EXPECT_EQ(to_string(done.error()), "ActualLRPCannotBeClaimed: cannot claim actual LRP");
}

TEST_F(BbsClientTest, an_answer_of_type_unknown_is_an_error_too) {
  bbs.server->route("POST", "/v1/domains/list", [](const rpc::Request&, rpc::Responder responder) {
    models::DomainsResponse answer;
    answer.mutable_error()->set_message("odd");
    test::reply_with(responder, answer);
  });
  auto answer = wait<models::DomainsResponse>([](BbsClient& c, auto on) { c.domains(on); });
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is_type(models::Error::UnknownError));
}

TEST_F(BbsClientTest, is_tried_again_until_the_bbs_is_back) {
  bbs.stop();
  std::optional<Result<models::PingResponse, BbsError>> result;
  BbsClient patient(bed.loop(), {.url = bbs.url(), .attempts = 1000, .retry_wait = 10ms});
  patient.ping([&](auto answer) { result = std::move(answer); });
  const Instant start = std::chrono::steady_clock::now();
  ASSERT_TRUE(bed.until([&] { return std::chrono::steady_clock::now() - start > 50ms; }));
  ASSERT_FALSE(result);
  bbs.start();
  bbs.server->route("POST", "/v1/ping", [](const rpc::Request&, rpc::Responder responder) {
    models::PingResponse answer;
    answer.set_available(true);
    test::reply_with(responder, answer);
  });
  ASSERT_TRUE(bed.until([&] { return result.has_value(); }));
  ASSERT_TRUE(*result) << to_string(result->error());
  EXPECT_TRUE((*result)->available());
}

TEST_F(BbsClientTest, gives_up_after_three_attempts) {
  int calls = 0;
  bbs.server->route("POST", "/v1/ping", [&](const rpc::Request&, rpc::Responder responder) {
    ++calls;
    responder.reply(503);
  });
  auto answer = wait<models::PingResponse>([](BbsClient& c, auto on) { c.ping(on); });
  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().is_answer);
  EXPECT_EQ(answer.error().cause.fault, Fault::unavailable);
  EXPECT_EQ(calls, 3);
}

// A server that takes each call and resets the connection.
TEST_F(BbsClientTest, a_call_that_may_have_been_done_is_repeated_only_if_harmless) {
  rpc::test::RawServer raw(bed.loop());
  client = std::make_unique<BbsClient>(bed.loop(),
                                       BbsClient::Options{.url = raw.url(""), .retry_wait = 10ms});
  size_t answered = 0;
  const auto reset_all = [&] {
    for (auto& peer : raw.peers) {
      if (peer->received.find("\r\n\r\n") != std::string::npos) {
        peer->received.clear();
        peer->reset();
        ++answered;
      }
    }
  };
  for (const bool is_harmless : {true, false}) {
    answered = 0;
    bool is_done = false;
    const auto on = [&](const Result<void, BbsError>& done) {
      EXPECT_FALSE(done);
      is_done = true;
    };
    if (is_harmless) {
      client->start_actual_lrp({}, on);
    } else {
      client->crash_actual_lrp({}, on);
    }
    ASSERT_TRUE(bed.until([&] {
      reset_all();
      return is_done;
    }));
    EXPECT_EQ(answered, is_harmless ? 3u : 1u);
  }
}

TEST_F(BbsClientTest, answers_that_make_no_sense_are_protocol_errors) {
  bbs.server->route("POST", "/v1/ping",
                    [](const rpc::Request&, rpc::Responder responder) { responder.reply(404); });
  bbs.server->route("POST", "/v1/cells/list.r1", [](const rpc::Request&, rpc::Responder responder) {
    responder.reply(200, "text/plain", "this is not protobuf");
  });
  auto ping = wait<models::PingResponse>([](BbsClient& c, auto on) { c.ping(on); });
  ASSERT_FALSE(ping);
  EXPECT_EQ(ping.error().cause.fault, Fault::protocol);
  auto cells = wait<models::CellsResponse>([](BbsClient& c, auto on) { c.cells(on); });
  ASSERT_FALSE(cells);
  EXPECT_EQ(cells.error().cause.fault, Fault::protocol);
}

TEST_F(BbsClientTest, may_be_ended_inside_a_callback_and_while_it_waits) {
  bbs.stop();
  client->ping([](const auto&) { FAIL(); });
  bed.turn(5);
  client.reset();
  bed.turn(5);

  bbs.start();
  bbs.server->route("POST", "/v1/ping",
                    [](const rpc::Request&, rpc::Responder responder) { responder.reply(200); });
  client = std::make_unique<BbsClient>(bed.loop(), BbsClient::Options{.url = bbs.url()});
  bool is_called = false;
  client->ping([&](const auto&) {
    client.reset();
    is_called = true;
  });
  client->ping([](const auto&) { FAIL(); });
  ASSERT_TRUE(bed.until([&] { return is_called; }));
  bed.turn(5);
}

// Every function posts to its path (diego.md section 2).
TEST_F(BbsClientTest, every_call_has_its_path) {
  std::vector<std::string> seen;
  bbs.server->fallback([&](const rpc::Request& request, rpc::Responder responder) {
    seen.push_back(request.path);
    responder.reply(200);
  });
  size_t answered = 0;
  const auto done = [&](const auto&) { ++answered; };
  BbsClient& c = *client;
  c.domains(done);
  c.upsert_domain({}, done);
  c.actual_lrps_by_process_guids({}, done);
  c.start_actual_lrp({}, done);
  c.fail_actual_lrp({}, done);
  c.remove_actual_lrp({}, done);
  c.retire_actual_lrp({}, done);
  c.remove_evacuating_actual_lrp({}, done);
  c.evacuate_claimed({}, done);
  c.evacuate_crashed({}, done);
  c.evacuate_stopped({}, done);
  c.evacuate_running({}, done);
  c.scheduling_infos({}, done);
  c.scheduling_info({}, done);
  c.routing_infos({}, done);
  c.desired_lrps({}, done);
  c.desired_lrp({}, done);
  c.desire_lrp({}, done);
  c.update_desired_lrp({}, done);
  c.remove_desired_lrp({}, done);
  c.tasks({}, done);
  c.task({}, done);
  c.desire_task({}, done);
  c.start_task({}, done);
  c.cancel_task({}, done);
  c.reject_task({}, done);
  c.complete_task({}, done);
  c.resolving_task({}, done);
  c.delete_task({}, done);
  c.cells(done);
  ASSERT_TRUE(bed.until([&] { return answered == 30; }));
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "/v1/actual_lrps/evacuate_claimed",
                      "/v1/actual_lrps/evacuate_crashed",
                      "/v1/actual_lrps/evacuate_running.r1",
                      "/v1/actual_lrps/evacuate_stopped",
                      "/v1/actual_lrps/fail",
                      "/v1/actual_lrps/list_by_process_guids",
                      "/v1/actual_lrps/remove",
                      "/v1/actual_lrps/remove_evacuating",
                      "/v1/actual_lrps/retire",
                      "/v1/actual_lrps/start.r1",
                      "/v1/cells/list.r1",
                      "/v1/desired_lrp/desire.r2",
                      "/v1/desired_lrp/remove",
                      "/v1/desired_lrp/update",
                      "/v1/desired_lrp_routing_infos/list",
                      "/v1/desired_lrp_scheduling_infos/get_by_process_guid",
                      "/v1/desired_lrp_scheduling_infos/list",
                      "/v1/desired_lrps/get_by_process_guid.r3",
                      "/v1/desired_lrps/list.r3",
                      "/v1/domains/list",
                      "/v1/domains/upsert",
                      "/v1/tasks/cancel",
                      "/v1/tasks/complete",
                      "/v1/tasks/delete",
                      "/v1/tasks/desire.r2",
                      "/v1/tasks/get_by_task_guid.r3",
                      "/v1/tasks/list.r3",
                      "/v1/tasks/reject",
                      "/v1/tasks/resolving",
                      "/v1/tasks/start",
                  }));
}

}  // namespace
}  // namespace causeway::diego
