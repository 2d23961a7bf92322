#include "control/converge/converge.h"

#include <gtest/gtest.h>

#include "cf/models/models.h"

namespace causeway::converge {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kNow = 1'000'000 * kSecond;

// "RUNNING@a-0" -> an instance on cell a; since 10 s ago unless told ("UNCLAIMED/31" seconds). ""
// -> none.
models::ActualLRP make_row(std::string text, models::ActualLRP::Presence presence) {
  models::ActualLRP row;
  row.mutable_actual_lrp_key()->set_process_guid("p");
  row.mutable_actual_lrp_key()->set_domain("d");
  row.set_presence(presence);
  int64_t age_s = 10;
  if (const size_t slash = text.find('/'); slash != std::string::npos) {
    age_s = std::strtoll(text.c_str() + slash + 1, nullptr, 10);
    text.resize(slash);
  }
  row.set_since(kNow - age_s * kSecond);
  if (const size_t at = text.find('@'); at != std::string::npos) {
    row.mutable_actual_lrp_instance_key()->set_cell_id(text.substr(at + 1));
    row.mutable_actual_lrp_instance_key()->set_instance_guid("i");
    text.resize(at);
  }
  if (const size_t hash = text.find('#'); hash != std::string::npos) {
    row.set_crash_count(static_cast<int32_t>(std::strtoll(text.c_str() + hash + 1, nullptr, 10)));
    text.resize(hash);
  }
  row.set_state(text);
  return row;
}

const char* name_of(LrpStep step) {
  constexpr const char* kNames[] = {"create",          "auction_again", "suspect", "unclaim",
                                    "promote",         "restart",       "retire",  "drop_suspect",
                                    "drop_evacuating", "update_cell"};
  return kNames[static_cast<size_t>(step)];
}

// Cell "up" is present, "down" is not.
struct Case {
  const char* what;
  int instances;  // -1: not desired
  bool fresh;
  const char* ordinary;  // index 0
  const char* evacuating;
  const char* suspect;
  const char* expected;
};

TEST(ConvergeProcess, every_case_of_one_index) {
  const Case cases[] = {
      {"nothing to do", 1, true, "RUNNING@up", "", "", ""},
      {"claimed on a present cell", 1, true, "CLAIMED@up/1000", "", "", ""},
      {"missing", 1, true, "", "", "", "create"},
      {"missing in a stale domain", 1, false, "", "", "", "create"},
      {"missing beside an evacuating one", 1, true, "", "RUNNING@up", "", "create"},
      {"fresh unclaimed", 1, true, "UNCLAIMED/30", "", "", ""},
      {"stale unclaimed", 1, true, "UNCLAIMED/31", "", "", "auction_again"},
      {"running on a vanished cell", 1, true, "RUNNING@down", "", "", "suspect"},
      {"claimed on a vanished cell", 1, false, "CLAIMED@down", "", "", "suspect"},
      {"replacement's cell vanished too", 1, true, "CLAIMED@down", "", "RUNNING@down", "unclaim"},
      {"suspect waits for its replacement", 1, true, "CLAIMED@up", "", "RUNNING@down", ""},
      {"suspect's replacement lost its auction", 1, true, "UNCLAIMED/31", "", "RUNNING@down",
       "auction_again"},
      {"suspect's cell is back", 1, true, "CLAIMED@up", "", "RUNNING@up", "promote"},
      {"suspect's cell is back, nothing placed yet", 1, true, "UNCLAIMED", "", "CLAIMED@up",
       "promote"},
      {"suspect's cell is back, no ordinary row", 1, true, "", "", "RUNNING@up", "promote"},
      {"suspect without an ordinary row", 1, true, "", "", "RUNNING@down", "create"},
      {"replacement runs", 1, true, "RUNNING@up", "", "RUNNING@down", "drop_suspect"},
      {"crashed, to be restarted at once", 1, true, "CRASHED#2/0", "", "", "restart"},
      {"crashed, has to wait", 1, true, "CRASHED#3/29", "", "", ""},
      {"crashed, has waited", 1, true, "CRASHED#3/30", "", "", "restart"},
      {"crashed for good", 1, true, "CRASHED#200/9999999", "", "", ""},
      {"evacuating from a vanished cell", 1, true, "RUNNING@up", "RUNNING@down", "",
       "drop_evacuating"},
      {"evacuating", 1, true, "CLAIMED@up", "RUNNING@up", "", ""},
      {"surplus", 0, true, "RUNNING@up", "", "", "retire"},
      {"surplus on a vanished cell", 0, true, "RUNNING@down", "", "", "retire"},
      {"surplus, free", 0, true, "UNCLAIMED", "", "", "retire"},
      {"surplus in a stale domain", 0, false, "RUNNING@up", "", "", ""},
      {"surplus suspect", 0, false, "", "", "RUNNING@down", "drop_suspect"},
      {"surplus suspect whose cell is back", 0, false, "", "", "RUNNING@up", "drop_suspect"},
      {"orphan", -1, true, "RUNNING@up", "", "", "retire"},
      {"orphan in a stale domain", -1, false, "RUNNING@up", "", "", ""},
      {"orphan in a stale domain on a vanished cell", -1, false, "RUNNING@down", "", "", ""},
      {"orphan suspect", -1, false, "", "", "RUNNING@down", "drop_suspect"},
      {"orphan evacuating", -1, false, "", "RUNNING@down", "", "drop_evacuating"},
      {"orphan evacuating on a present cell", -1, true, "", "RUNNING@up", "", ""},
  };
  for (const Case& one : cases) {
    models::DesiredLRP desired;
    desired.set_process_guid("p");
    desired.set_domain("d");
    desired.set_instances(one.instances);
    World world{.cells = {"up"}, .fresh_domains = {"other"}, .now_ns = kNow};
    if (one.fresh) world.fresh_domains.insert("d");
    std::vector<models::ActualLRP> rows;
    if (*one.ordinary) rows.push_back(make_row(one.ordinary, models::ActualLRP::ORDINARY));
    if (*one.evacuating) rows.push_back(make_row(one.evacuating, models::ActualLRP::EVACUATING));
    if (*one.suspect) rows.push_back(make_row(one.suspect, models::ActualLRP::SUSPECT));
    ProcessView view{.scheduling = one.instances < 0 ? nullptr : &desired, .rows = {}};
    for (const auto& each : rows) view.rows.push_back(&each);
    LrpCounts counts;
    std::string found;
    for (const auto& action : converge_process(view, world, {}, counts)) {
      EXPECT_EQ(action.index, 0);
      found += (found.empty() ? "" : " ") + std::string(name_of(action.step));
    }
    EXPECT_EQ(found, one.expected) << one.what;
  }
}

TEST(ConvergeProcess, indexes_are_looked_at_one_by_one) {
  models::DesiredLRP desired;
  desired.set_domain("d");
  desired.set_instances(4);
  std::vector<models::ActualLRP> rows;
  const char* states[] = {"RUNNING@up", "", "CRASHED#5/0", "CLAIMED@up", "RUNNING@up", "UNCLAIMED"};
  for (int32_t index = 0; index < 6; ++index) {
    if (*states[index] == 0) continue;
    rows.push_back(make_row(states[index], models::ActualLRP::ORDINARY));
    rows.back().mutable_actual_lrp_key()->set_index(index);
  }
  ProcessView view{.scheduling = &desired, .rows = {}};
  for (const auto& each : rows) view.rows.push_back(&each);
  LrpCounts counts;
  const auto actions =
      converge_process(view, {.cells = {"up"}, .fresh_domains = {"d"}, .now_ns = kNow}, {}, counts);
  ASSERT_EQ(actions.size(), 3u);
  EXPECT_EQ(actions[0].step, LrpStep::create);
  EXPECT_EQ(actions[0].index, 1);
  EXPECT_EQ(actions[1].step, LrpStep::retire);
  EXPECT_EQ(actions[1].index, 4);
  EXPECT_EQ(actions[1].instance.cell_id(), "up");
  EXPECT_TRUE(actions[1].cell_present);
  EXPECT_EQ(actions[2].index, 5);
  EXPECT_EQ(counts.desired, 4);
  EXPECT_EQ(counts.missing, 1);
  EXPECT_EQ(counts.extra, 2);
  EXPECT_EQ(counts.running, 2);
  EXPECT_EQ(counts.claimed, 1);
  EXPECT_EQ(counts.crashed, 1);
  EXPECT_EQ(counts.unclaimed, 1);
  EXPECT_EQ(counts.crashing_desired, 1);
}

TEST(ConvergeProcess, right_after_a_start_every_unclaimed_instance_is_auctioned_again) {
  models::DesiredLRP desired;
  desired.set_domain("d");
  desired.set_instances(1);
  const auto waiting = make_row("UNCLAIMED/1", models::ActualLRP::ORDINARY);
  LrpCounts counts;
  const auto actions = converge_process({.scheduling = &desired, .rows = {&waiting}},
                                        {.cells = {}, .fresh_domains = {}, .now_ns = kNow},
                                        {.unclaimed_stale_ns = 0}, counts);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].step, LrpStep::auction_again);
}

TEST(ConvergeProcess, for_a_new_cell_only_those_that_found_no_place_are_auctioned_again) {
  models::DesiredLRP desired;
  desired.set_domain("d");
  desired.set_instances(2);
  const auto on_its_way = make_row("UNCLAIMED/1", models::ActualLRP::ORDINARY);
  auto unplaced = make_row("UNCLAIMED/1", models::ActualLRP::ORDINARY);
  unplaced.mutable_actual_lrp_key()->set_index(1);
  unplaced.set_placement_error("insufficient resources: memory");
  LrpCounts counts;
  const auto actions = converge_process({.scheduling = &desired, .rows = {&on_its_way, &unplaced}},
                                        {.cells = {}, .fresh_domains = {}, .now_ns = kNow},
                                        {.unplaced_stale_ns = 0}, counts);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].step, LrpStep::auction_again);
  EXPECT_EQ(actions[0].index, 1);
}

TEST(ConvergeProcess, running_instances_with_old_routes_or_tags_are_told) {
  models::DesiredLRP desired;
  desired.set_domain("d");
  desired.set_instances(1);
  (*desired.mutable_routes()->mutable_routes())["internal-router"] =
      R"([{"hostname":"b.internal"},{"hostname":"a.internal"}])";
  (*desired.mutable_metric_tags())["index"].set_dynamic(models::MetricTagValue::INDEX);
  (*desired.mutable_metric_tags())["guid"].set_dynamic(models::MetricTagValue::INSTANCE_GUID);
  (*desired.mutable_metric_tags())["app"].set_static_("x");
  models::ActualLRP running = make_row("RUNNING@up", models::ActualLRP::ORDINARY);
  const World world{.cells = {"up"}, .fresh_domains = {}, .now_ns = kNow};
  const auto steps = [&] {
    LrpCounts counts;
    return converge_process({.scheduling = &desired, .rows = {&running}}, world, {}, counts).size();
  };
  EXPECT_EQ(steps(), 1u);
  running.add_actual_lrp_internal_routes()->set_hostname("a.internal");
  running.add_actual_lrp_internal_routes()->set_hostname("b.internal");
  auto& tags = *running.mutable_metric_tags();
  tags["index"] = "0";
  tags["guid"] = "i";
  tags["app"] = "x";
  EXPECT_EQ(steps(), 0u);
  tags["app"] = "y";
  EXPECT_EQ(steps(), 1u);
}

TEST(ConvergeTask, every_case) {
  const struct {
    const char* what;
    models::Task::State state;
    int64_t created_s, updated_s, completed_s;  // ago
    const char* cell;
    TaskStep expected;
  } cases[] = {
      {"pending", models::Task::Pending, 1, 1, 0, "", TaskStep::auction_again},
      {"pending long", models::Task::Pending, 1800, 1, 0, "", TaskStep::auction_again},
      {"pending too long", models::Task::Pending, 1801, 1, 0, "", TaskStep::fail_pending},
      {"running", models::Task::Running, 9000, 9000, 0, "up", TaskStep::none},
      {"running on a vanished cell", models::Task::Running, 1, 1, 0, "down",
       TaskStep::fail_disappeared},
      {"completed", models::Task::Completed, 99, 30, 30, "", TaskStep::none},
      {"completed, untouched", models::Task::Completed, 99, 31, 31, "", TaskStep::kick},
      {"completed, unwanted", models::Task::Completed, 999, 5, 121, "", TaskStep::remove},
      {"resolving", models::Task::Resolving, 999, 30, 119, "", TaskStep::none},
      {"resolving, untouched", models::Task::Resolving, 999, 31, 119, "", TaskStep::demote},
      {"resolving, untouched, unwanted", models::Task::Resolving, 999, 31, 121, "",
       TaskStep::demote_and_remove},
      {"resolving for an old one", models::Task::Resolving, 999, 5, 500, "", TaskStep::none},
      {"invalid", models::Task::Invalid, 999, 999, 999, "", TaskStep::none},
  };
  for (const auto& one : cases) {
    models::Task task;
    task.set_state(one.state);
    task.set_created_at(kNow - one.created_s * kSecond);
    task.set_updated_at(kNow - one.updated_s * kSecond);
    task.set_first_completed_at(kNow - one.completed_s * kSecond);
    task.set_cell_id(one.cell);
    const World world{.cells = {"up"}, .fresh_domains = {}, .now_ns = kNow};
    EXPECT_EQ(converge_task(task, world, {}), one.expected) << one.what;
  }
}

}  // namespace
}  // namespace causeway::converge
