#include "control/auctioneer/auctioneer.h"

#include <gtest/gtest.h>

#include "control/auctioneer/fake_platform.h"
#include "diego/auctioneer_client.h"

namespace causeway::auctioneer {
namespace {

using namespace std::chrono_literals;
using test::lrp_request;
using test::task_request;

class AuctioneerTest : public testing::Test {
 protected:
  void start(Settings settings = {}) {
    settings.bbs_url = bbs.service.url();
    auctioneer = std::make_unique<Auctioneer>(bed.loop(), bed.logger(), settings, registry);
    server = std::make_unique<rpc::Server>(bed.loop(), bed.logger());
    auctioneer->serve(*server);
    auto listened = server->listen(net::Address::loopback(0));
    ASSERT_TRUE(listened);
    url = "http://" + listened->to_string();
    client = std::make_unique<diego::AuctioneerClient>(bed.loop(),
                                                       diego::RetryingCaller::Options{.url = url});
  }

  void ask(std::vector<cf::LrpStartRequest> requests) {
    bool is_accepted = false;
    client->request_lrps(requests,
                         [&](const Result<void>& done) { is_accepted = done.has_value(); });
    ASSERT_TRUE(bed.until([&] { return is_accepted; }));
  }
  void ask(std::vector<cf::TaskStartRequest> requests) {
    bool is_accepted = false;
    client->request_tasks(requests,
                          [&](const Result<void>& done) { is_accepted = done.has_value(); });
    ASSERT_TRUE(bed.until([&] { return is_accepted; }));
  }
  // Instance 0 of p is asked for, and cell a takes two seconds to tell its state.
  void place_p_while_a_is_slow() {
    bbs.add(a);
    bbs.add(b);
    start({.cell_state_timeout = 30s});
    a.holds_state = true;
    ask({lrp_request("p", {0})});
    ASSERT_TRUE(bed.until([&] { return a.asked == 1; }));
    const auto began = bed.loop().now();
    ASSERT_TRUE(bed.until([&] { return bed.loop().now() - began > 2s; }));
    a.holds_state = false;
    a.release();
  }
  bool settled() {
    return bed.until([&] { return auctioneer->is_idle(); });
  }
  // The value as the scrape shows it, "" when there is none.
  std::string metric(const std::string& name) {
    const std::string text = "\n" + registry.prometheus_text();
    const size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "";
    const size_t value = at + name.size() + 2;
    return text.substr(value, text.find('\n', value) - value);
  }

  rpc::test::TestBed bed;
  metrics::Registry registry;
  test::FakeBbs bbs{bed};
  test::FakeCell a{bed, "cell-a"};
  test::FakeCell b{bed, "cell-b"};
  std::unique_ptr<Auctioneer> auctioneer;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<diego::AuctioneerClient> client;
  std::string url;
};

TEST_F(AuctioneerTest, hands_instances_and_tasks_to_cells) {
  bbs.add(a);
  bbs.add(b);
  start();
  ask({lrp_request("p", {0, 1})});
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1 && b.works.size() == 1; }));
  EXPECT_EQ(a.works[0].cell_id, "cell-a");
  ASSERT_EQ(a.works[0].lrps.size(), 1u);
  EXPECT_EQ(a.works[0].lrps[0].process_guid, "p");
  EXPECT_EQ(a.works[0].lrps[0].domain, "d");
  EXPECT_EQ(a.works[0].lrps[0].demand.memory_mb, 10);
  EXPECT_EQ(a.works[0].lrps[0].index + b.works[0].lrps[0].index, 1);
  ask({task_request("t")});
  ASSERT_TRUE(bed.until([&] { return a.works.size() + b.works.size() == 3; }));
  const cf::Work& last = a.works.size() == 2 ? a.works[1] : b.works[1];
  ASSERT_EQ(last.tasks.size(), 1u);
  EXPECT_EQ(last.tasks[0].task_guid, "t");
  ASSERT_TRUE(settled());
  EXPECT_TRUE(bbs.failed.empty() && bbs.rejected.empty());
  EXPECT_EQ(metric("AuctioneerLRPAuctionsStarted"), "2");
  EXPECT_EQ(metric("AuctioneerTaskAuctionsStarted"), "1");
  EXPECT_EQ(metric("AuctioneerLRPAuctionsFailed"), "0");
}

TEST_F(AuctioneerTest, requests_during_a_round_share_the_next_one) {
  bbs.add(a);
  start();
  a.holds_state = true;
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return a.asked == 1; }));
  // The round takes what waits when the states are there: this one still makes it.
  ask({lrp_request("q", {0})});
  ask({lrp_request("q", {0})});
  a.holds_state = false;
  a.release();
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1; }));
  EXPECT_EQ(a.works[0].lrps.size(), 2u);
  ASSERT_TRUE(settled());
  EXPECT_EQ(a.works.size(), 1u);
  EXPECT_EQ(bbs.asked, 1);
}

TEST_F(AuctioneerTest, tells_the_bbs_what_found_no_cell) {
  bbs.add(a);
  start();
  ask({lrp_request("big", {3}, 5000)});
  ask({task_request("large", 5000)});
  ASSERT_TRUE(bed.until([&] { return !bbs.failed.empty() && !bbs.rejected.empty(); }));
  EXPECT_EQ(bbs.failed[0], "big.3 d: insufficient resources: memory");
  EXPECT_EQ(bbs.rejected[0], "large: insufficient resources: memory");
  EXPECT_EQ(metric("AuctioneerLRPAuctionsFailed"), "1");
  EXPECT_EQ(metric("AuctioneerTaskAuctionsFailed"), "1");
  EXPECT_TRUE(a.works.empty());
}

TEST_F(AuctioneerTest, what_a_cell_hands_back_is_a_failure) {
  bbs.add(a);
  a.refuses = true;
  start();
  ask({lrp_request("p", {0})});
  ask({task_request("t")});
  ASSERT_TRUE(bed.until([&] { return !bbs.failed.empty() && !bbs.rejected.empty(); }));
  EXPECT_EQ(bbs.failed[0], "p.0 d: insufficient resources");
  EXPECT_EQ(bbs.rejected[0], "t: insufficient resources");
  EXPECT_EQ(metric("AuctioneerLRPAuctionsStarted"), "0");
  EXPECT_EQ(metric("AuctioneerLRPAuctionsFailed"), "1");
  EXPECT_EQ(metric("AuctioneerTaskAuctionsStarted"), "0");
  EXPECT_EQ(metric("AuctioneerTaskAuctionsFailed"), "1");
}

TEST_F(AuctioneerTest, a_commit_that_breaks_is_left_to_convergence) {
  bbs.add(a);
  a.breaks = true;
  start();
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1 && auctioneer->is_idle(); }));
  EXPECT_TRUE(bbs.failed.empty());
  EXPECT_EQ(metric("AuctioneerLRPAuctionsStarted"), "1") << "for all we know";
}

TEST_F(AuctioneerTest, a_cell_that_does_not_answer_to_its_work_holds_up_no_later_round) {
  bbs.add(a);
  bbs.add(b);
  a.holds_work = true;
  start({.communication_timeout = 500ms});
  ask({lrp_request("p", {0, 1})});
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1 && b.works.size() == 1; }))
      << "both are told at the same time";
  ASSERT_TRUE(settled());
  EXPECT_TRUE(bbs.failed.empty()) << "it may have taken it";
  EXPECT_EQ(metric("AuctioneerLRPAuctionsStarted"), "2");
}

TEST_F(AuctioneerTest, no_more_cells_are_asked_at_once_than_configured) {
  bbs.add(a);
  bbs.add(b);
  a.holds_state = b.holds_state = true;
  start({.cell_state_timeout = 30s, .auction_runner_workers = 1});
  ask({lrp_request("p", {0, 1})});
  ASSERT_TRUE(bed.until([&] { return a.asked + b.asked == 1; }));
  bed.turn(5);
  EXPECT_EQ(a.asked + b.asked, 1);
  a.release();
  b.release();
  ASSERT_TRUE(bed.until([&] { return a.asked + b.asked == 2; }));
  a.release();
  b.release();
  ASSERT_TRUE(bed.until([&] { return a.works.size() + b.works.size() == 2; }));
}

// Reps of some releases ago do not say who they are.
TEST_F(AuctioneerTest, a_cell_that_does_not_name_itself_is_used) {
  bbs.add(a);
  a.state.cell_id.clear();
  start();
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1; }));
  EXPECT_EQ(a.works[0].cell_id, "cell-a");
}

TEST_F(AuctioneerTest, cells_that_do_not_answer_evacuate_or_are_somebody_else_get_nothing) {
  test::FakeCell c(bed, "cell-c");
  test::FakeCell d(bed, "cell-d");
  for (const test::FakeCell* cell : {&a, &b, &c, &d}) bbs.add(*cell);
  a.is_healthy = false;
  b.state.is_evacuating = true;
  c.state.cell_id = "another";
  start();
  ask({lrp_request("p", {0, 1, 2, 3})});
  ASSERT_TRUE(bed.until([&] { return d.works.size() == 1; }));
  EXPECT_EQ(d.works[0].lrps.size(), 4u);
  EXPECT_TRUE(a.works.empty() && b.works.empty() && c.works.empty());
  EXPECT_EQ(metric("AuctioneerFailedCellStateRequests"), "1");
}

TEST_F(AuctioneerTest, a_slow_cell_does_not_hold_up_the_others) {
  bbs.add(a);
  bbs.add(b);
  a.holds_state = true;
  start({.cell_state_timeout = 500ms});
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return b.works.size() == 1; }));
}

TEST_F(AuctioneerTest, when_no_cell_answers_the_fetch_is_tried_four_times) {
  bbs.add(a);
  a.is_healthy = false;
  start();
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return !bbs.failed.empty(); }));
  EXPECT_EQ(bbs.failed[0], "p.0 d: unable to communicate to compatible cells");
  EXPECT_EQ(a.asked, 4);
}

TEST_F(AuctioneerTest, a_cell_that_comes_back_in_time_is_used) {
  bbs.add(a);
  a.is_healthy = false;
  start();
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return a.asked >= 1; }));
  a.is_healthy = true;
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1; }));
}

TEST_F(AuctioneerTest, without_cells_everything_fails_at_once) {
  start();
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return !bbs.failed.empty(); }));
  EXPECT_EQ(bbs.failed[0], "p.0 d: unable to communicate to compatible cells");
  EXPECT_EQ(bbs.asked, 1);
}

TEST_F(AuctioneerTest, waits_for_a_bbs_that_is_away) {
  bbs.add(a);
  start();
  bbs.service.stop();
  ask({lrp_request("p", {0})});
  bed.turn(5);
  EXPECT_FALSE(auctioneer->is_idle());
  bbs.service.start();
  bbs.serve();
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1; }));
}

// One cell takes two seconds to answer: for the next five no new answers are needed.
TEST_F(AuctioneerTest, rounds_that_follow_closely_share_the_cells_answers) {
  place_p_while_a_is_slow();
  ASSERT_TRUE(bed.until([&] { return a.works.size() + b.works.size() == 1; }));
  ask({lrp_request("p", {1}), lrp_request("q", {0})});
  ASSERT_TRUE(settled());
  EXPECT_EQ(a.asked, 1);
  EXPECT_EQ(b.asked, 1);
  size_t instances = 0;
  for (const test::FakeCell* cell : {&a, &b}) {
    size_t of_p = 0;
    for (const cf::Work& work : cell->works) {
      instances += work.lrps.size();
      for (const cf::LrpWork& lrp : work.lrps) of_p += lrp.process_guid == "p" ? 1 : 0;
    }
    EXPECT_EQ(of_p, 1u) << "as a round that had asked would have it";
  }
  EXPECT_EQ(instances, 3u);
  // For want of room nobody is refused before the cells were asked again; and room there is.
  a.state.available.memory_mb = a.state.total.memory_mb = 5000;
  ask({lrp_request("big", {0}, 4000)});
  ASSERT_TRUE(settled());
  EXPECT_EQ(a.asked, 2);
  EXPECT_TRUE(bbs.failed.empty());
  EXPECT_EQ(a.works.back().lrps.at(0).process_guid, "big");
}

TEST_F(AuctioneerTest, what_a_cell_was_never_sent_that_is_only_remembered_is_placed_again) {
  place_p_while_a_is_slow();
  ASSERT_TRUE(settled());
  b.service.server.reset();  // the cell has gone, the BBS does not know
  ask({lrp_request("q", {0, 1, 2, 3})});
  ASSERT_TRUE(settled());
  size_t of_q = 0;
  for (const cf::Work& work : a.works)
    for (const cf::LrpWork& lrp : work.lrps) of_q += lrp.process_guid == "q" ? 1 : 0;
  EXPECT_EQ(of_q, 4u);
  EXPECT_TRUE(bbs.failed.empty());
}

TEST_F(AuctioneerTest, malformed_requests_are_refused_whole) {
  bbs.add(a);
  start();
  rpc::Client http(bed.loop());
  for (const char* body :
       {"", "{", "{}", R"([{"process_guid":"p"}])",
        R"([{"process_guid":"p","domain":"d","indices":[0],"RootFs":"a:b"},{"domain":"d"}])"}) {
    for (const char* path : {"/v1/lrps", "/v1/tasks"}) {
      std::optional<Result<rpc::Reply>> reply;
      http.send({.url = url + path, .body = body},
                [&](Result<rpc::Reply> answer) { reply = std::move(answer); });
      ASSERT_TRUE(bed.until([&] { return reply.has_value(); }));
      ASSERT_TRUE(*reply);
      EXPECT_EQ((*reply)->status, 400) << body;
      EXPECT_FALSE((*reply)->body.empty());
    }
  }
  EXPECT_TRUE(auctioneer->is_idle());
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1; }));
}

TEST_F(AuctioneerTest, the_request_id_reaches_the_cell_unless_its_work_comes_of_several_calls) {
  bbs.add(a);
  start();
  rpc::Client caller(bed.loop());
  int answers = 0;
  const auto post = [&](const char* trace, const char* guid) {
    caller.send({.url = url + "/v1/tasks",
                 .headers = {{"X-Vcap-Request-Id", trace}},
                 .body = cf::to_json(std::vector<cf::TaskStartRequest>{task_request(guid)})},
                [&](const Result<rpc::Reply>&) { ++answers; });
  };
  post("one", "t1");
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1; }));
  EXPECT_EQ(a.traces, std::vector<std::string>{"one"});
  ASSERT_TRUE(settled());
  a.holds_state = true;  // the next round begins with asking it
  ask({task_request("u", 2000)});
  ASSERT_TRUE(bed.until([&] { return !a.held.empty(); }));
  post("two", "t2");
  post("three", "t3");
  ASSERT_TRUE(bed.until([&] { return answers == 3; }));
  a.holds_state = false;
  a.release();
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 2; }));
  EXPECT_EQ(a.works[1].tasks.size(), 2u);
  EXPECT_EQ(a.traces[1], "");
}

TEST_F(AuctioneerTest, reports_of_failures_carry_the_request_id_of_what_failed) {
  bbs.add(a);
  start();
  rpc::Client caller(bed.loop());
  std::vector<rpc::Reply> answers;
  const auto post = [&](const char* path, const char* trace, std::string body) {
    caller.send({.url = url + path, .headers = {{"X-Vcap-Request-Id", trace}}, .body = body},
                [&](Result<rpc::Reply> reply) {
                  ASSERT_TRUE(reply);
                  answers.push_back(*std::move(reply));
                });
  };
  post("/v1/lrps", "one",
       cf::to_json(std::vector<cf::LrpStartRequest>{lrp_request("big", {0}, 5000)}));
  ASSERT_TRUE(bed.until([&] { return bbs.failed.size() == 1; }));
  post("/v1/tasks", "two",
       cf::to_json(std::vector<cf::TaskStartRequest>{task_request("large", 5000)}));
  ASSERT_TRUE(bed.until([&] { return bbs.rejected.size() == 1 && answers.size() == 2; }));
  EXPECT_EQ(bbs.report_traces, (std::vector<std::string>{"one", "two"}));
  ask({lrp_request("huge", {0}, 6000)});
  ASSERT_TRUE(bed.until([&] { return bbs.failed.size() == 2; }));
  EXPECT_EQ(bbs.report_traces.back(), "");
  for (const rpc::Reply& answer : answers) {
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(answer.body, "");
  }
}

// Convergence asks again: nothing here waits for the BBS to hear of it.
TEST_F(AuctioneerTest, a_report_that_is_lost_holds_up_nothing) {
  bbs.add(a);
  bbs.breaks_reports = true;
  start();
  ask({lrp_request("big", {0, 1}, 5000)});
  ASSERT_TRUE(bed.until([&] { return bbs.broken_reports == 2; }));
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return a.works.size() == 1; }));
  ASSERT_TRUE(settled());
  bbs.breaks_reports = false;
  ask({lrp_request("big", {0}, 5000)});
  ASSERT_TRUE(bed.until([&] { return bbs.failed.size() == 1; }));
  EXPECT_EQ(bbs.broken_reports, 2);
}

TEST_F(AuctioneerTest, may_end_in_the_middle_of_a_round) {
  bbs.add(a);
  a.holds_state = true;
  start();
  ask({lrp_request("p", {0})});
  ASSERT_TRUE(bed.until([&] { return a.asked == 1; }));
  server.reset();
  auctioneer.reset();
  a.release();
  bed.turn(5);
}

}  // namespace
}  // namespace causeway::auctioneer
