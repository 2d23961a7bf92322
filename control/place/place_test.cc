#include "control/place/place.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace causeway::place {
namespace {

// A roomy cell: 1000 MB, 1000 MB of disk, 100 containers.
cf::CellState cell(const char* id, const char* zone = "z1", int32_t memory_left = 1000) {
  cf::CellState state;
  state.cell_id = id;
  state.zone = zone;
  state.root_fs_providers["preloaded"].names = {"base"};
  state.total = {.memory_mb = 1000, .disk_mb = 1000, .containers = 100};
  state.available = {.memory_mb = memory_left, .disk_mb = 1000, .containers = 100};
  return state;
}

cf::Demand demand(int32_t memory_mb = 10, int32_t disk_mb = 10) {
  return {.memory_mb = memory_mb, .disk_mb = disk_mb, .root_fs = "preloaded:base"};
}

LrpDemand lrp(const char* guid, int32_t index, cf::Demand what = demand()) {
  return {.process_guid = guid, .index = index, .domain = "d", .demand = std::move(what)};
}

TaskDemand task(const char* guid, cf::Demand what = demand()) {
  return {.task_guid = guid, .domain = "d", .demand = std::move(what)};
}

void run_there(cf::CellState& state, const char* guid, int count = 1) {
  for (int i = 0; i < count; ++i) state.lrps.push_back({.process_guid = guid, .index = i});
}

// "cell-id: guid.index ... task ..." for each cell with work.
std::vector<std::string> winners(const std::vector<cf::CellState>& cells,
                                 const Placement& placement) {
  std::vector<std::string> lines;
  for (const auto& work : placement.works) {
    std::string line = cells[work.cell].cell_id + ":";
    for (const LrpDemand& one : work.lrps)
      line += " " + one.process_guid + "." + std::to_string(one.index);
    for (const TaskDemand& one : work.tasks) line += " " + one.task_guid;
    lines.push_back(std::move(line));
  }
  return lines;
}

using Lines = std::vector<std::string>;

Placement place(const std::vector<cf::CellState>& cells, std::vector<LrpDemand> lrps,
                std::vector<TaskDemand> tasks, const Rules& rules) {
  std::vector<cf::CellBrief> briefs;
  for (const cf::CellState& state : cells) briefs.push_back(cf::brief_of(state));
  return place::place(briefs, std::move(lrps), std::move(tasks), rules);
}

TEST(Place, the_emptiest_cell_wins) {
  const std::vector<cf::CellState> cells{cell("a", "z1", 500), cell("b", "z1", 900),
                                         cell("c", "z1", 700)};
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {})), Lines{"b: p.0"});
  EXPECT_EQ(winners(cells, place(cells, {}, {task("t")}, {})), Lines{"b: t"});
}

TEST(Place, the_score_is_the_mean_of_memory_disk_and_containers) {
  // a has less memory left, b less disk and fewer containers: 0.30 against 0.35.
  std::vector<cf::CellState> cells{cell("a"), cell("b")};
  cells[0].available.memory_mb = 100;
  cells[1].available = {.memory_mb = 1000, .disk_mb = 500, .containers = 45};
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {})), Lines{"a: p.0"});
  // Fractions, not amounts: a larger cell with as much used is emptier.
  cells[1].available = {.memory_mb = 9000, .disk_mb = 1000, .containers = 100};
  cells[1].total.memory_mb = 9900;
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {})), Lines{"b: p.0"});
}

TEST(Place, what_is_placed_counts_at_once) {
  const std::vector<cf::CellState> cells{cell("a"), cell("b")};
  const Placement placement =
      place(cells, {lrp("p", 0), lrp("q", 0), lrp("r", 0), lrp("s", 0)}, {}, {});
  EXPECT_EQ(winners(cells, placement), (Lines{"a: p.0 r.0", "b: q.0 s.0"}));
}

TEST(Place, the_first_seen_wins_a_tie) {
  const std::vector<cf::CellState> cells{cell("x"), cell("y"), cell("z")};
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {})), Lines{"x: p.0"});
}

TEST(Place, instances_of_a_process_avoid_each_other) {
  std::vector<cf::CellState> cells{cell("empty", "z1", 20), cell("full", "z1", 1000)};
  run_there(cells[1], "p");
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 1)}, {}, {})), Lines{"empty: p.1"});
  // Two are worse than one.
  run_there(cells[0], "p", 2);
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 1)}, {}, {})), Lines{"full: p.1"});
  // Tasks do not mind instances, only tasks.
  EXPECT_EQ(winners(cells, place(cells, {}, {task("t")}, {})), Lines{"full: t"});
}

TEST(Place, tasks_avoid_cells_with_tasks) {
  std::vector<cf::CellState> cells{cell("a", "z1", 20), cell("b")};
  cells[1].tasks.resize(1);
  EXPECT_EQ(winners(cells, place(cells, {}, {task("t")}, {})), Lines{"a: t"});
}

TEST(Place, starting_containers_weigh) {
  std::vector<cf::CellState> cells{cell("a", "z1", 500), cell("b")};
  cells[1].starting_containers = 1;
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {})), Lines{"a: p.0"});
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {.starting_container_weight = 0})),
            Lines{"b: p.0"});
}

TEST(Place, the_index_of_a_cell_weighs_when_asked) {
  std::vector<cf::CellState> cells{cell("late"), cell("early", "z1", 400)};
  cells[0].cell_index = 7;
  cells[1].cell_index = 2;
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {})), Lines{"late: p.0"});
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {.bin_pack_first_fit_weight = 1})),
            Lines{"early: p.0"});
  // Not for tasks.
  EXPECT_EQ(winners(cells, place(cells, {}, {task("t")}, {.bin_pack_first_fit_weight = 1})),
            Lines{"late: t"});
}

// The indices of a zone count without their gaps: 0, 1, 2 times the weight.
TEST(Place, the_weight_of_an_index_is_its_rank_in_the_zone) {
  std::vector<cf::CellState> cells{cell("other", "z0"), cell("third"), cell("second"),
                                   cell("first", "z1", 410)};
  cells[0].available.memory_mb = 0;
  cells[0].cell_index = 1;
  cells[1].cell_index = 50;
  cells[2].cell_index = 10;
  cells[3].cell_index = 3;
  const Rules rules{.bin_pack_first_fit_weight = 0.2};
  // 590 of 1000 MB more in use are a score of 0.197.
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, rules)), Lines{"first: p.0"});
  cells[3].available.memory_mb = 390;  // 0.203
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, rules)), Lines{"second: p.0"});
}

TEST(Place, the_zone_with_fewest_instances_comes_first) {
  std::vector<cf::CellState> cells{cell("a1", "z1"), cell("a2", "z1"), cell("b1", "z2", 30)};
  run_there(cells[0], "p");
  // z2 has none, though its cell is nearly full.
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 1)}, {}, {})), Lines{"b1: p.1"});
  // Full: the next zone is taken, and there the cell without an instance.
  cells[2].available.memory_mb = 5;
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 1)}, {}, {})), Lines{"a2: p.1"});
}

TEST(Place, zones_with_equally_many_are_looked_at_together) {
  std::vector<cf::CellState> cells{cell("a", "z1", 500), cell("b", "z2", 600), cell("c", "z3")};
  run_there(cells[2], "p");
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 1)}, {}, {})), Lines{"b: p.1"});
}

TEST(Place, the_rounds_own_instances_count_for_the_zone) {
  const std::vector<cf::CellState> cells{cell("a", "z1"), cell("b", "z1"), cell("c", "z2", 100)};
  const Placement placement = place(cells, {lrp("p", 0), lrp("p", 1), lrp("p", 2)}, {}, {});
  EXPECT_EQ(winners(cells, placement), (Lines{"a: p.0", "b: p.2", "c: p.1"}));
}

TEST(Place, tasks_ignore_the_order_of_zones) {
  std::vector<cf::CellState> cells{cell("a", "z1", 500), cell("b", "z2")};
  run_there(cells[1], "p", 3);
  EXPECT_EQ(winners(cells, place(cells, {}, {task("t")}, {})), Lines{"b: t"});
}

TEST(Place, the_proxy_takes_memory_from_instances_and_not_from_tasks) {
  std::vector<cf::CellState> cells{cell("a", "z1", 100)};
  cells[0].proxy_memory_mb = 32;
  Placement placement = place(cells, {lrp("p", 0, demand(69))}, {}, {});
  ASSERT_EQ(placement.failed_lrps.size(), 1u);
  EXPECT_EQ(placement.failed_lrps[0].reason, "insufficient resources: memory");
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0, demand(68))}, {}, {})), Lines{"a: p.0"});
  EXPECT_EQ(winners(cells, place(cells, {}, {task("t", demand(100))}, {})), Lines{"a: t"});
}

TEST(Place, every_app_gets_its_first_instance_before_tasks_and_second_ones) {
  std::vector<cf::CellState> cells{cell("a", "z1", 30)};
  const Placement placement =
      place(cells, {lrp("p", 1), lrp("p", 0), lrp("q", 0)}, {task("t"), task("u")}, {});
  EXPECT_EQ(winners(cells, placement), Lines{"a: p.0 q.0 t"});
  ASSERT_EQ(placement.failed_tasks.size(), 1u);
  EXPECT_EQ(placement.failed_tasks[0].demand.task_guid, "u");
  ASSERT_EQ(placement.failed_lrps.size(), 1u);
  EXPECT_EQ(placement.failed_lrps[0].demand.index, 1);
}

TEST(Place, no_cell_answered) {
  const Placement placement = place({}, {lrp("p", 0)}, {task("t")}, {});
  EXPECT_EQ(placement.failed_lrps.at(0).reason, "unable to communicate to compatible cells");
  EXPECT_EQ(placement.failed_tasks.at(0).reason, "unable to communicate to compatible cells");
}

TEST(Place, reasons_for_what_finds_no_cell) {
  const auto reason = [](const std::vector<cf::CellState>& cells, cf::Demand what) {
    Placement placement = place(cells, {lrp("p", 0, what)}, {task("t", what)}, {});
    EXPECT_EQ(placement.failed_lrps.at(0).reason, placement.failed_tasks.at(0).reason);
    return placement.failed_lrps[0].reason;
  };
  cf::CellState tagged = cell("tagged");
  tagged.placement_tags = {"x"};
  cf::CellState with_driver = cell("driver");
  with_driver.volume_drivers = {"nfs"};

  cf::Demand other_root = demand();
  other_root.root_fs = "preloaded:windows";
  EXPECT_EQ(reason({tagged, with_driver}, other_root),
            "found no compatible cell for required rootfs");

  cf::Demand driver = demand();
  driver.volume_drivers = {"smb"};
  EXPECT_EQ(reason({tagged, with_driver}, driver),
            "found no compatible cell with required volume drivers");

  // One cell fails by driver, another one gets as far as the tags: the furthest is told.
  driver.volume_drivers = {"nfs"};
  driver.placement_tags = {"y"};
  EXPECT_EQ(reason({tagged, with_driver}, driver),
            "found no compatible cell with placement tag(s) \"y\"");
  EXPECT_EQ(reason({tagged}, demand()), "found no compatible cell with no placement tags");

  EXPECT_EQ(reason({cell("a")}, demand(2000, 10)), "insufficient resources: memory");
  EXPECT_EQ(reason({cell("a")}, demand(2000, 2000)), "insufficient resources: disk, memory");
  cf::CellState no_containers = cell("full", "z1", 0);
  no_containers.available.containers = 0;
  no_containers.available.disk_mb = 0;
  EXPECT_EQ(reason({no_containers}, demand()), "insufficient resources: containers, disk, memory");

  // Only what every fitting cell lacks; a cell that does not fit has no say.
  cf::CellState no_disk = cell("nodisk");
  no_disk.available.disk_mb = 0;
  EXPECT_EQ(reason({no_containers, no_disk}, demand()), "insufficient resources: disk");
  EXPECT_EQ(reason({cell("nomemory", "z1", 0), no_disk}, demand()), "insufficient resources");
  EXPECT_EQ(reason({tagged, no_disk}, demand()), "insufficient resources: disk");
}

TEST(Place, no_more_starts_than_the_cap_allows) {
  std::vector<cf::CellState> cells{cell("a"), cell("b")};
  cells[0].starting_containers = 1;
  const Placement placement = place(cells, {lrp("p", 0), lrp("q", 0), lrp("p", 1)}, {task("t")},
                                    {.starting_containers_max = 3});
  EXPECT_EQ(winners(cells, placement), (Lines{"a: q.0", "b: p.0"}));
  EXPECT_EQ(placement.failed_tasks.at(0).reason,
            "waiting to start instance: reached in-flight start limit");
  EXPECT_EQ(placement.failed_lrps.at(0).reason,
            "waiting to start instance: reached in-flight start limit");
  EXPECT_TRUE(place(cells, {lrp("p", 0)}, {}, {.starting_containers_max = 0}).failed_lrps.empty());
}

TEST(Place, a_cell_of_no_size_is_the_last_choice) {
  std::vector<cf::CellState> cells{cell("odd"), cell("a", "z1", 50)};
  cells[0].total = {};
  EXPECT_EQ(winners(cells, place(cells, {lrp("p", 0)}, {}, {})), Lines{"a: p.0"});
}

// 1,000 instances on 100 cells, alike every time.
TEST(Place, many_instances_spread_evenly) {
  std::vector<cf::CellState> cells;
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.push_back("cell-" + std::to_string(i));
  for (int i = 0; i < 100; ++i)
    cells.push_back(cell(ids[static_cast<size_t>(i)].c_str(), i % 2 == 0 ? "z1" : "z2"));
  std::vector<LrpDemand> lrps;
  for (int i = 0; i < 1000; ++i) lrps.push_back(lrp("p", i));
  const Placement placement = place(cells, lrps, {}, {});
  EXPECT_TRUE(placement.failed_lrps.empty());
  ASSERT_EQ(placement.works.size(), 100u);
  for (const auto& work : placement.works) EXPECT_EQ(work.lrps.size(), 10u);
  EXPECT_EQ(winners(cells, placement), winners(cells, place(cells, lrps, {}, {})));
}

// A round that rests on kept states decides as one that asked the cells in between.
TEST(Place, a_second_round_sees_what_the_first_gave) {
  std::vector<cf::CellBrief> cells;
  for (const char* id : {"a", "b", "c"}) cells.push_back(cf::brief_of(cell(id, "z1", 100)));
  for (cf::CellBrief& one : cells) one.facts.proxy_memory_mb = 5;
  const Placement first = place::place(cells, {lrp("p", 0), lrp("p", 1)}, {task("t")}, {});
  for (const auto& work : first.works) take_up(cells[work.cell], work);
  int64_t starting = 0, tasks = 0, memory = 0;
  for (const cf::CellBrief& one : cells) {
    starting += one.facts.starting_containers;
    tasks += one.tasks;
    memory += one.facts.available.memory_mb;
    EXPECT_LE(one.processes.size(), 1u);
  }
  EXPECT_EQ(starting, 3);
  EXPECT_EQ(tasks, 1);
  EXPECT_EQ(memory, 300 - 2 * 15 - 10);
  const Placement second = place::place(cells, {lrp("p", 2)}, {task("u")}, {});
  ASSERT_EQ(second.works.size(), 2u);
  for (const auto& work : second.works) {
    const cf::CellBrief& chosen = cells[work.cell];
    if (!work.lrps.empty()) {
      EXPECT_TRUE(chosen.processes.empty());
    }
    if (!work.tasks.empty()) {
      EXPECT_EQ(chosen.tasks, 0);
    }
  }
}

}  // namespace
}  // namespace causeway::place
