#include <optional>

#include <gtest/gtest.h>

#include "diego/auctioneer_client.h"
#include "diego/fake_services.h"
#include "diego/rep_client.h"
#include "diego/service_url.h"

namespace causeway::diego {
namespace {

using namespace std::chrono_literals;

class CellClientsTest : public testing::Test {
 protected:
  template <class Value>
  Result<Value> wait(std::optional<Result<Value>>& result) {
    EXPECT_TRUE(bed.until([&] { return result.has_value(); }));
    return std::move(*result);
  }

  rpc::test::TestBed bed;
  std::vector<rpc::Responder> held;
  test::FakeService service{bed};
  RepClient rep{bed.loop(), {.state_timeout = 1s}};
};

TEST_F(CellClientsTest, asks_a_cell_for_its_state) {
  service.server->route("GET", "/state", [](const rpc::Request&, rpc::Responder responder) {
    cf::CellState state;
    state.cell_id = "cell-a";
    responder.reply(200, "application/json", cf::to_json(state));
  });
  std::optional<Result<cf::CellState>> result;
  rep.state(service.url(), [&](auto state) { result = std::move(state); });
  auto state = wait(result);
  ASSERT_TRUE(state) << to_string(state.error());
  EXPECT_EQ(state->cell_id, "cell-a");
}

TEST_F(CellClientsTest, an_unhealthy_slow_or_odd_cell_is_an_error) {
  const struct {
    std::function<void(rpc::Responder)> answer;
    Fault fault;
  } rows[] = {
      {[](rpc::Responder responder) { responder.reply(503, "application/json", "{}"); },
       Fault::unavailable},
      {[](rpc::Responder responder) { responder.reply(200, "application/json", R"({"LRPs":5})"); },
       Fault::invalid},
      {[this](rpc::Responder responder) { held.push_back(std::move(responder)); }, Fault::timeout},
  };
  size_t row_index = 0;
  service.server->route("GET", "/state", [&](const rpc::Request&, rpc::Responder responder) {
    rows[row_index].answer(std::move(responder));
  });
  for (; row_index < 3; ++row_index) {
    std::optional<Result<cf::CellState>> result;
    rep.state(service.url(), [&](auto state) { result = std::move(state); });
    auto state = wait(result);
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().fault, rows[row_index].fault);
    EXPECT_EQ(state.error().side, Side::backend);
  }
}

TEST_F(CellClientsTest, hands_work_to_a_cell_and_reads_what_it_refused) {
  service.server->route("POST", "/work", [](const rpc::Request& request, rpc::Responder responder) {
    auto work = cf::parse_work(request.body);
    ASSERT_TRUE(work);
    EXPECT_EQ(work->cell_id, "cell-a");
    EXPECT_EQ(work->lrps.size(), 2u);
    work->lrps.erase(work->lrps.begin());
    responder.reply(200, "application/json", cf::to_json(*work));
  });
  cf::Work work{.cell_id = "cell-a"};
  work.lrps.resize(2);
  work.lrps[1].process_guid = "p";
  std::optional<Result<cf::Work>> result;
  rep.perform(service.url(), work, [&](auto refused) { result = std::move(refused); });
  auto refused = wait(result);
  ASSERT_TRUE(refused) << to_string(refused.error());
  ASSERT_EQ(refused->lrps.size(), 1u);
  EXPECT_EQ(refused->lrps[0].process_guid, "p");
}

TEST_F(CellClientsTest, stops_updates_and_cancels) {
  std::vector<std::string> seen;
  const auto accept = [&](const rpc::Request& request, rpc::Responder responder) {
    std::string line = request.method;
    for (const auto& [name, value] : request.path_params) line += " " + value;
    seen.push_back(line + " " + request.body);
    responder.reply(202);
  };
  service.server->route("POST", "/v1/lrps/:process_guid/instances/:instance_guid/stop", accept);
  service.server->route("PUT", "/v2/lrps/:process_guid/instances/:instance_guid", accept);
  service.server->route("POST", "/v1/tasks/:task_guid/cancel", accept);
  int done = 0;
  const auto on = [&](const Result<void>& result) {
    EXPECT_TRUE(result);
    ++done;
  };
  rep.stop_lrp(service.url(), "p/1", "i", on);
  ASSERT_TRUE(bed.until([&] { return done == 1; }));
  rep.update_lrp(service.url(), {.instance_guid = "i", .process_guid = "p"}, on);
  ASSERT_TRUE(bed.until([&] { return done == 2; }));
  rep.cancel_task(service.url(), "t", on);
  ASSERT_TRUE(bed.until([&] { return done == 3; }));
  EXPECT_EQ(seen[0], "POST i p/1 ");
  EXPECT_TRUE(seen[1].starts_with("PUT i p {")) << seen[1];
  EXPECT_EQ(seen[2], "POST t ");

  std::optional<Result<void>> result;
  rep.cancel_task(service.url() + "/none", "t", [&](auto outcome) { result = std::move(outcome); });
  auto outcome = wait(result);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().fault, Fault::not_found);
}

TEST_F(CellClientsTest, asks_the_auctioneer) {
  std::vector<std::string> seen;
  service.server->route("POST", "/v1/lrps",
                        [&](const rpc::Request& request, rpc::Responder responder) {
                          seen.push_back(request.body);
                          responder.reply(seen.size() == 1 ? 202 : 400, "text/plain", "no");
                        });
  service.server->route("POST", "/v1/tasks",
                        [&](const rpc::Request& request, rpc::Responder responder) {
                          seen.push_back(request.body);
                          responder.reply(202);
                        });
  AuctioneerClient auctioneer(bed.loop(), {.url = service.url()});
  std::vector<Result<void>> results;
  const auto on = [&](Result<void> result) { results.push_back(std::move(result)); };
  auctioneer.request_lrps({{.process_guid = "p", .domain = "d", .indices = {1}}}, on);
  ASSERT_TRUE(bed.until([&] { return results.size() == 1; }));
  EXPECT_TRUE(results[0]);
  EXPECT_NE(seen[0].find("\"process_guid\":\"p\""), std::string::npos);
  auctioneer.request_lrps({}, on);
  ASSERT_TRUE(bed.until([&] { return results.size() == 2; }));
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().fault, Fault::invalid);
  auctioneer.request_tasks({{.task_guid = "t"}}, on);
  ASSERT_TRUE(bed.until([&] { return results.size() == 3; }));
  EXPECT_TRUE(results[2]);
}

TEST(ServiceUrl, adds_the_scheme) {
  EXPECT_EQ(service_url("10.0.0.1:8891").value(), "http://10.0.0.1:8891");
  EXPECT_EQ(service_url("http://bbs.internal:8889/").value(), "http://bbs.internal:8889");
  EXPECT_EQ(service_url("https://bbs.internal:8889").value(), "https://bbs.internal:8889");
  EXPECT_EQ(service_url("locket:8891", "https").value(), "https://locket:8891");
  EXPECT_TRUE(is_https("https://bbs:8889"));
  EXPECT_FALSE(is_https("http://bbs:8889"));
  EXPECT_FALSE(service_url(""));
}

}  // namespace
}  // namespace causeway::diego
