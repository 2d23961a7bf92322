// What a cell says every half minute of each instance it runs.
#include "base/sanitizers.h"
#include "control/bbs/bbs_under_test.h"
#include "control/bbs/ledger/ledger.h"
#include "control/bbs/rows/rows.h"
#include "control/bbs/rows/settled_start.h"
#include "control/bbs/rules/lrp_rules.h"
#include "rpc/test_bed.h"
#include "test/support/allocation_count.h"

namespace causeway::bbs::test {
namespace {

models::StartActualLRPRequest start_of_everything() {
  models::StartActualLRPRequest request;
  request.mutable_actual_lrp_key()->set_process_guid("b4f1a3a6-7c1e-4c5e-9a55-6f6f4ab4a1de-1");
  request.mutable_actual_lrp_key()->set_index(3);
  request.mutable_actual_lrp_key()->set_domain("cf-apps");
  request.mutable_actual_lrp_instance_key()->set_instance_guid("a-guid-of-36-characters-or-so");
  request.mutable_actual_lrp_instance_key()->set_cell_id("cell-z1-17");
  request.mutable_actual_lrp_net_info()->set_address("10.0.16.4");
  request.mutable_actual_lrp_net_info()->set_instance_address("10.255.1.2");
  auto& port = *request.mutable_actual_lrp_net_info()->add_ports();
  port.set_container_port(8080);
  port.set_host_port(61000);
  request.add_actual_lrp_internal_routes()->set_hostname("one.apps.internal");
  request.add_actual_lrp_internal_routes()->set_hostname("two.apps.internal");
  (*request.mutable_metric_tags())["app_name"] = "app";
  (*request.mutable_metric_tags())["source_id"] = "b4f1a3a6";
  request.set_routable(true);
  request.set_availability_zone("z1");
  return request;
}

models::ActualLRP started(const models::StartActualLRPRequest& request) {
  const Verdict verdict = start({}, request, {.now_ns = 1, .epoch = "epoch"});
  return *verdict.after.indexes.at(request.actual_lrp_key().index()).ordinary;
}

// Does the rule leave the row as it is?
bool changes_nothing(const models::ActualLRP& row, const models::StartActualLRPRequest& request) {
  ProcessState state;
  state.indexes[row.actual_lrp_key().index()].ordinary = row;
  const Verdict verdict = start(state, request, {.now_ns = 2, .epoch = "other"});
  const auto after = verdict.after.indexes.find(row.actual_lrp_key().index());
  return !verdict.refusal && after != verdict.after.indexes.end() &&
         same_message(*after->second.ordinary, row);
}

using Edit = std::function<void(models::StartActualLRPRequest&)>;

TEST(HeartBeat, is_told_from_a_start_that_changes_something) {
  const models::ActualLRP row = started(start_of_everything());
  const std::vector<Edit> edits{
      [](auto&) {},
      [](auto& request) { request.mutable_actual_lrp_key()->set_domain("other"); },
      [](auto& request) { request.mutable_actual_lrp_key()->set_process_guid("p"); },
      [](auto& request) { request.mutable_actual_lrp_instance_key()->set_instance_guid("i"); },
      [](auto& request) { request.mutable_actual_lrp_instance_key()->set_cell_id("c"); },
      [](auto& request) { request.mutable_actual_lrp_net_info()->set_address("10.0.0.9"); },
      [](auto& request) { request.mutable_actual_lrp_net_info()->clear_instance_address(); },
      [](auto& request) { request.mutable_actual_lrp_net_info()->add_ports(); },
      [](auto& request) { request.clear_actual_lrp_internal_routes(); },
      [](auto& request) { request.mutable_actual_lrp_internal_routes()->SwapElements(0, 1); },
      [](auto& request) { request.add_actual_lrp_internal_routes()->set_hostname("three"); },
      [](auto& request) { (*request.mutable_metric_tags())["app_name"] = "renamed"; },
      [](auto& request) { (*request.mutable_metric_tags())["more"] = ""; },
      [](auto& request) { request.mutable_metric_tags()->clear(); },
      [](auto& request) { request.set_routable(false); },
      [](auto& request) { request.clear_routable(); },  // the same as true
      [](auto& request) { request.clear_availability_zone(); },
  };
  int settled = 0;
  for (size_t i = 0; i < edits.size(); ++i) {
    models::StartActualLRPRequest request = start_of_everything();
    edits[i](request);
    const bool told = is_settled_start(encode_row(row), cf::encode(request));
    EXPECT_EQ(told, changes_nothing(row, request)) << "edit " << i;
    settled += told ? 1 : 0;
    EXPECT_TRUE(is_settled_start(encode_row(started(request)), cf::encode(request))) << i;
  }
  EXPECT_EQ(settled, 2);
}

TEST(HeartBeat, a_row_in_another_state_is_not_settled) {
  const models::StartActualLRPRequest request = start_of_everything();
  const std::vector<std::function<void(models::ActualLRP&)>> edits{
      [](auto& row) { row.set_state("CLAIMED"); },
      [](auto& row) { row.set_state("UNCLAIMED"); },
      [](auto& row) { row.set_placement_error("none was found"); },
      [](auto& row) { row.set_routable(false); },
      [](auto& row) { row.clear_routable(); },
  };
  for (size_t i = 0; i < edits.size(); ++i) {
    models::ActualLRP row = started(request);
    edits[i](row);
    EXPECT_FALSE(is_settled_start(encode_row(row), cf::encode(request))) << i;
    EXPECT_FALSE(changes_nothing(row, request)) << i;
  }
  models::ActualLRP row = started(request);
  row.set_crash_count(7);
  row.set_since(99);
  row.mutable_modification_tag()->set_index(5);
  EXPECT_TRUE(is_settled_start(encode_row(row), cf::encode(request)));
}

TEST(HeartBeat, bytes_that_leave_a_doubt_are_decoded) {
  const models::StartActualLRPRequest request = start_of_everything();
  const std::string row = encode_row(started(request));
  const std::string bytes = cf::encode(request);
  ASSERT_TRUE(is_settled_start(row, bytes));
  EXPECT_FALSE(is_settled_start(row, bytes + bytes)) << "everything is there twice";
  EXPECT_FALSE(is_settled_start(row, bytes + std::string("\x78\x01", 2))) << "an unknown field";
  EXPECT_FALSE(is_settled_start("", bytes));
  EXPECT_FALSE(is_settled_start(row.substr(1), bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    models::StartActualLRPRequest part;
    if (cf::decode(bytes.substr(0, size), part) && changes_nothing(started(request), part))
      continue;
    EXPECT_FALSE(is_settled_start(row, bytes.substr(0, size))) << size;
  }
}

class HeartBeatCall : public BbsTest {
 protected:
  // `body` again and again on one connection; answers the allocations of one call, those of the
  // last thousand counted.
  double allocations_of(const std::string& path, const std::string& body,
                        const std::string& answer) {
    const auto place = net::parse_host_port(url_.substr(std::string("http://").size()));
    rpc::test::RawPeer peer(loop_, net::Address::loopback(place->port));
    EXPECT_TRUE(until([&] { return peer.is_connected(); }));
    const std::string request = "POST " + path +
                                " HTTP/1.1\r\nHost: bbs.service.cf.internal:8889\r\n"
                                "Content-Type: application/x-protobuf\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    const std::function<bool()> is_answered = [&] { return peer.received.ends_with(answer); };
    constexpr int counted = 1000;
    size_t before = 0;
    for (int i = 0; i < 2 * counted; ++i) {
      if (i == counted) before = causeway::test::allocations_so_far();
      peer.received.clear();
      peer.send(request);
      if (!until(is_answered)) ADD_FAILURE() << peer.received;
    }
    return static_cast<double>(causeway::test::allocations_so_far() - before) / counted;
  }
};

TEST_F(HeartBeatCall, beside_a_row_that_leaves_or_is_suspect_ends_that_row) {
  read_all_from_store();
  for (const auto presence : {models::ActualLRP::EVACUATING, models::ActualLRP::SUSPECT}) {
    const std::string guid = "p" + std::to_string(presence);
    ASSERT_EQ(desire(lrp(guid, 1)), "");
    ASSERT_EQ(run(guid, 0, "i0", "c1"), "");
    models::ActualLRP other;
    other.mutable_actual_lrp_key()->set_process_guid(guid);
    other.mutable_actual_lrp_key()->set_domain("cf-apps");
    other.set_state("RUNNING");
    other.set_presence(presence);
    other.mutable_actual_lrp_instance_key()->set_instance_guid("other");
    other.mutable_actual_lrp_instance_key()->set_cell_id("c9");
    store_.put({.key = {store::Table::actual, guid, slot_name(0, presence)},
                .after = encode_row(other),
                .domain = "cf-apps",
                .cell_after = "c9"});
    ASSERT_EQ(rows(guid), presence == models::ActualLRP::SUSPECT
                              ? "0:RUNNING@c1/i0 0s:RUNNING@c9/other"
                              : "0:RUNNING@c1/i0 0e:RUNNING@c9/other");
    EXPECT_EQ(run(guid, 0, "i0", "c1"), "");
    EXPECT_EQ(rows(guid), "0:RUNNING@c1/i0");
  }
}

// The second attempt finds the rows as they shall be: what the first would have had done is void.
TEST_F(HeartBeatCall, settled_by_another_writer_forgets_what_was_decided_before) {
  Cells cells(store_, logger_);
  Errands errands(cells, outbox_, logger_);
  EventStreams streams;
  Ledger ledger({store_, clock_, [] { return "epoch"; }, streams, errands, logger_});
  const models::ActualLRP row = started(start_of_everything());
  int attempts = 0;
  std::optional<std::vector<int32_t>> auction;
  store_.before_next_commit([&] {
    store_.put({.key = {store::Table::actual, "p", "3"}, .after = encode_row(row)});
  });
  ledger.decide(
      "p", {.index = 3, .is_settled = [&](const store::ProcessRows&) { return ++attempts == 2; }},
      [&](const ProcessState& state, const Moment&) {
        Verdict verdict;
        verdict.after = state;
        verdict.auction = {3};
        verdict.after.indexes[3].ordinary = row;
        return verdict;
      },
      {}, [&](const Verdict& verdict) { auction = verdict.auction; });
  ASSERT_TRUE(until([&] { return auction.has_value(); }));
  EXPECT_EQ(attempts, 2);
  EXPECT_TRUE(auction->empty());
}

TEST_F(HeartBeatCall, on_a_warm_connection_takes_little_of_the_heap) {
  auto request = start_of_everything();
  request.mutable_actual_lrp_key()->set_index(0);
  ASSERT_EQ(desire(lrp(request.actual_lrp_key().process_guid(), 1)), "");
  ASSERT_EQ(error_of("/v1/actual_lrps/start.r1", request), "");
  const double each =
      allocations_of("/v1/actual_lrps/start.r1", cf::encode(request), "Content-Length: 0\r\n\r\n");
  RecordProperty("allocations", std::to_string(each));
  if constexpr (!is_sanitized) {
    EXPECT_LE(each, 21);
  }
}

}  // namespace
}  // namespace causeway::bbs::test
