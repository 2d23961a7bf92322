#include "control/bbs/sweep/settled.h"

#include <functional>

#include <gtest/gtest.h>

#include "cf/models/models.h"
#include "control/bbs/ledger/ledger.h"
#include "control/bbs/rows/rows.h"

namespace causeway::bbs {
namespace {

constexpr const char* internal_routes = R"([{"hostname":"b.internal"},{"hostname":"a.internal"}])";

// Two instances that run as they shall.
struct Process {
  Process() {
    scheduling.set_process_guid("p");
    scheduling.set_domain("d");
    scheduling.set_instances(2);
    (*scheduling.mutable_routes()->mutable_routes())["internal-router"] = internal_routes;
    auto& tags = *scheduling.mutable_metric_tags();
    tags["app"].set_static_("x");
    tags["nothing"].set_static_("");
    tags["index"].set_dynamic(models::MetricTagValue::INDEX);
    tags["guid"].set_dynamic(models::MetricTagValue::INSTANCE_GUID);
    for (int32_t index = 0; index < 2; ++index) rows.push_back(running(index));
  }

  static models::ActualLRP running(int32_t index) {
    models::ActualLRP row;
    row.mutable_actual_lrp_key()->set_process_guid("p");
    row.mutable_actual_lrp_key()->set_domain("d");
    row.mutable_actual_lrp_key()->set_index(index);
    const std::string guid = "i" + std::to_string(index);
    row.mutable_actual_lrp_instance_key()->set_instance_guid(guid);
    row.mutable_actual_lrp_instance_key()->set_cell_id("up");
    row.add_actual_lrp_internal_routes()->set_hostname("a.internal");
    row.add_actual_lrp_internal_routes()->set_hostname("b.internal");
    auto& tags = *row.mutable_metric_tags();
    tags["app"] = "x";
    tags["nothing"] = "";
    tags["index"] = std::to_string(index);
    tags["guid"] = guid;
    row.mutable_actual_lrp_net_info()->set_address("10.0.0.1");
    row.set_state("RUNNING");
    cf::set_always_written(row);
    return row;
  }

  store::ProcessRows stored() const {
    store::ProcessRows stored{.process_guid = "p",
                              .domain = "d",
                              .scheduling = encode_row(scheduling),
                              .run = {},
                              .actual = {}};
    for (const auto& row : rows)
      stored.actual.push_back(
          {slot_name(row.actual_lrp_key().index(), row.presence()), encode_row(row)});
    return stored;
  }

  models::DesiredLRP scheduling;
  std::vector<models::ActualLRP> rows;
};

const converge::World world{.cells = {"up"}, .fresh_domains = {"d"}, .now_ns = 1'000'000'000'000};

bool is_settled(const Process& process) {
  Settled settled;
  return settled.is(process.scheduling, process.stored().actual, world);
}

std::vector<converge::LrpAction> wanted_actions(const Process& process,
                                                converge::LrpCounts& counts) {
  converge::ProcessView view{.scheduling = &process.scheduling, .rows = {}};
  for (const auto& row : process.rows) view.rows.push_back(&row);
  return converge::converge_process(view, world, {}, counts);
}

TEST(Settled, a_process_with_all_that_is_wanted_needs_nothing) {
  const Process process;
  EXPECT_TRUE(is_settled(process));
  converge::LrpCounts counts;
  EXPECT_TRUE(wanted_actions(process, counts).empty());
  EXPECT_EQ(counts.desired, 2);
  EXPECT_EQ(counts.running, 2);
  EXPECT_EQ(counts.unclaimed + counts.claimed + counts.crashed + counts.missing + counts.extra, 0);

  Process none;
  none.scheduling.set_instances(0);
  none.rows.clear();
  EXPECT_TRUE(is_settled(none));
}

TEST(Settled, whatever_is_otherwise_gets_a_closer_look) {
  const std::pair<const char*, std::function<void(Process&)>> changes[] = {
      {"an index is missing", [](Process& p) { p.rows.pop_back(); }},
      {"one too many", [](Process& p) { p.rows.push_back(Process::running(2)); }},
      {"another index", [](Process& p) { p.rows[1] = Process::running(2); }},
      {"fewer wanted", [](Process& p) { p.scheduling.set_instances(1); }},
      {"more wanted", [](Process& p) { p.scheduling.set_instances(3); }},
      {"crashed", [](Process& p) { p.rows[0].set_state("CRASHED"); }},
      {"cell gone",
       [](Process& p) { p.rows[1].mutable_actual_lrp_instance_key()->set_cell_id("down"); }},
      {"one internal route more",
       [](Process& p) { p.rows[0].add_actual_lrp_internal_routes()->set_hostname("c"); }},
      {"other internal routes",
       [](Process& p) { p.rows[0].mutable_actual_lrp_internal_routes(0)->set_hostname("c"); }},
      {"no internal routes", [](Process& p) { p.rows[0].clear_actual_lrp_internal_routes(); }},
      {"internal routes unwanted", [](Process& p) { p.scheduling.clear_routes(); }},
      {"another tag", [](Process& p) { (*p.rows[1].mutable_metric_tags())["app"] = "y"; }},
      {"a tag less", [](Process& p) { p.rows[1].mutable_metric_tags()->erase("app"); }},
      {"another index in its tag",
       [](Process& p) { (*p.rows[1].mutable_metric_tags())["index"] = "0"; }},
      {"another guid in its tag",
       [](Process& p) { (*p.rows[1].mutable_metric_tags())["guid"] = "i0"; }},
      {"tags unwanted", [](Process& p) { p.scheduling.clear_metric_tags(); }},
  };
  for (const auto& [name, change] : changes) {
    Process process;
    change(process);
    EXPECT_FALSE(is_settled(process)) << name;
    converge::LrpCounts counts;
    EXPECT_FALSE(wanted_actions(process, counts).empty()) << name;
  }
}

TEST(Settled, what_is_no_plain_running_row_gets_a_closer_look) {
  Process claimed;
  claimed.rows[0].set_state("CLAIMED");
  EXPECT_FALSE(is_settled(claimed));
  Process evacuating;
  evacuating.rows[1].set_presence(models::ActualLRP::EVACUATING);
  EXPECT_FALSE(is_settled(evacuating));
  Settled settled;
  const Process process;
  for (const char* bytes : {"", "rubbish", "\x01\x0a\x7f", "\x01\x12\x02\x0a\x05"}) {
    auto rows = process.stored().actual;
    rows[0].bytes = bytes;
    EXPECT_FALSE(settled.is(process.scheduling, rows, world)) << bytes;
  }
  auto rows = process.stored().actual;
  rows[0].slot = "1";  // says that it is 0
  EXPECT_FALSE(settled.is(process.scheduling, rows, world));
}

}  // namespace
}  // namespace causeway::bbs
