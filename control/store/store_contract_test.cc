// What every store must do. Linked into one test binary per store.
#include "control/store/store_contract.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace causeway::store {
namespace {

class StoreContract : public testing::TestWithParam<std::string> {
 protected:
  template <class T, class Call>
  Result<T> wait_for(Call call) {
    std::optional<Result<T>> answer;
    call([&answer](Result<T> result) { answer.emplace(std::move(result)); });
    EXPECT_FALSE(answer.has_value()) << "called back from inside the call";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!answer && std::chrono::steady_clock::now() < deadline) under_test_->turn();
    if (!answer) return Error{.fault = Fault::timeout, .detail = "no callback"};
    return std::move(*answer);
  }

  Result<void> commit(const Change& change) {
    return wait_for<void>([&](auto on) { store().commit(change, on); });
  }
  ProcessRows process(const std::string& guid, const ProcessParts& parts) {
    return *wait_for<ProcessRows>([&](auto on) { store().read_process(guid, parts, on); });
  }
  ProcessRows whole(const std::string& guid) {
    ProcessRows rows = process(guid, {.scheduling = true, .run = true, .all_slots = true});
    std::sort(rows.actual.begin(), rows.actual.end(),
              [](const auto& a, const auto& b) { return a.slot < b.slot; });
    return rows;
  }
  // "guid guid ..." of all pages.
  std::string guids_in_pages(ProcessQuery query) {
    std::string guids;
    do {
      auto page = wait_for<ProcessPage>([&](auto on) { store().page_processes(query, on); });
      EXPECT_TRUE(page);
      EXPECT_LE(page->processes.size(), kPageEntries);
      for (const auto& rows : page->processes)
        if (rows.scheduling || !rows.actual.empty()) guids += rows.process_guid + " ";
      query.after = page->next;
    } while (!query.after.empty());
    return sorted_words(guids);
  }
  // Pages come in no particular order.
  static std::string sorted_words(const std::string& text) {
    std::vector<std::string> words;
    for (size_t at = 0; at < text.size();) {
      const size_t space = text.find(' ', at);
      words.push_back(text.substr(at, space - at));
      at = space + 1;
    }
    std::sort(words.begin(), words.end());
    std::string sorted;
    for (const auto& word : words) sorted += word + " ";
    return sorted;
  }
  std::string cell(const std::string& id) {
    auto rows = *wait_for<std::vector<CellRow>>([&](auto on) { store().read_cell(id, on); });
    std::vector<std::string> names;
    for (const auto& row : rows)
      names.push_back(row.process_guid + "/" + row.slot + "=" + row.bytes + " ");
    std::sort(names.begin(), names.end());
    std::string all;
    for (const auto& name : names) all += name;
    return all;
  }
  std::string cell_tasks(const std::string& id) {
    auto rows = *wait_for<std::vector<NamedRow>>([&](auto on) { store().read_cell_tasks(id, on); });
    std::string all;
    for (const auto& row : rows) all += row.id + "=" + row.bytes + " ";
    return all;
  }
  std::optional<std::string> row(const RowKey& key) {
    return *wait_for<std::optional<std::string>>([&](auto on) { store().read_row(key, on); });
  }
  std::string table(Table which) {
    auto rows = *wait_for<std::vector<NamedRow>>([&](auto on) { store().read_table(which, on); });
    std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::string all;
    for (const auto& one : rows) all += one.id + "=" + one.bytes + " ";
    return all;
  }
  std::string tasks(TaskQuery query) {
    std::string all;
    do {
      auto page = *wait_for<TaskPage>([&](auto on) { store().page_tasks(query, on); });
      for (const auto& one : page.tasks) all += one.id + " ";
      query.after = page.next;
    } while (!query.after.empty());
    return sorted_words(all);
  }

  static RowChange scheduling(const std::string& guid, std::optional<std::string> before,
                              std::optional<std::string> after, const std::string& domain = "d") {
    return {.key = {Table::scheduling, guid}, .before = before, .after = after, .domain = domain};
  }
  static RowChange actual(const std::string& guid, const std::string& slot,
                          std::optional<std::string> before, std::optional<std::string> after,
                          const std::string& cell_before = "", const std::string& cell_after = "") {
    return {.key = {Table::actual, guid, slot},
            .before = before,
            .after = after,
            .domain = "d",
            .cell_before = cell_before,
            .cell_after = cell_after};
  }
  static RowChange task(const std::string& guid, std::optional<std::string> before,
                        std::optional<std::string> after, const std::string& domain = "d",
                        const std::string& cell_before = "", const std::string& cell_after = "") {
    return {.key = {Table::task, guid},
            .before = before,
            .after = after,
            .domain = domain,
            .cell_before = cell_before,
            .cell_after = cell_after};
  }

  Store& store() { return under_test_->store(); }
  std::unique_ptr<StoreUnderTest> under_test_ = make_store_under_test(GetParam());
};

constexpr std::nullopt_t kNone = std::nullopt;

TEST_P(StoreContract, an_empty_store_has_nothing) {
  const auto rows = whole("p");
  EXPECT_EQ(rows.process_guid, "p");
  EXPECT_FALSE(rows.scheduling || rows.run);
  EXPECT_TRUE(rows.actual.empty());
  EXPECT_EQ(guids_in_pages({}), "");
  EXPECT_EQ(cell("z"), "");
  EXPECT_EQ(tasks({}), "");
  EXPECT_EQ(table(Table::domain), "");
  EXPECT_FALSE(row({Table::lock, "l"}));
}

TEST_P(StoreContract, rows_of_a_process_are_written_and_read_in_parts) {
  std::string binary("\x01\0\r\n\xff=", 6);
  ASSERT_TRUE(commit({scheduling("p", kNone, "small"),
                      {.key = {Table::run, "p"}, .before = kNone, .after = binary},
                      actual("p", "0", kNone, "zero"),
                      actual("p", "0e", kNone, "moving"),
                      actual("p", "1", kNone, "one")}));
  auto rows = whole("p");
  EXPECT_EQ(rows.scheduling, "small");
  EXPECT_EQ(rows.run, binary);
  ASSERT_EQ(rows.actual.size(), 3u);
  EXPECT_EQ(rows.actual[1].slot, "0e");
  EXPECT_EQ(rows.actual[1].bytes, "moving");

  rows = process("p", {.scheduling = false, .slots = {"1", "7"}});
  EXPECT_FALSE(rows.scheduling);
  ASSERT_EQ(rows.actual.size(), 1u);
  EXPECT_EQ(rows.actual[0].bytes, "one");
  EXPECT_TRUE(process("p", {.scheduling = true}).actual.empty());
  EXPECT_EQ(guids_in_pages({}), "p ");
}

TEST_P(StoreContract, a_cell_may_hold_very_many_rows) {
  for (int process = 0; process < 12; ++process) {
    const std::string guid(1, static_cast<char>('a' + process));
    Change change;
    for (int index = 0; index < 100; ++index)
      change.push_back(actual(guid, std::to_string(index), kNone, "row", "", "z1"));
    ASSERT_TRUE(commit(change));
  }
  const auto rows = *wait_for<std::vector<CellRow>>([&](auto on) { store().read_cell("z1", on); });
  std::set<std::string> names;
  for (const auto& row : rows) names.insert(row.process_guid + "/" + row.slot + "=" + row.bytes);
  EXPECT_EQ(rows.size(), 1200u);
  EXPECT_EQ(names.size(), 1200u);
  EXPECT_TRUE(names.contains("l/99=row"));
}

TEST_P(StoreContract, a_row_that_is_not_as_expected_stops_the_whole_commit) {
  ASSERT_TRUE(commit({scheduling("p", kNone, "v1"), actual("p", "0", kNone, "a1")}));
  const std::vector<Change> wrong{
      {scheduling("p", kNone, "v2")},
      {scheduling("p", "v0", "v2")},
      {actual("p", "0", "a1", "a2"), scheduling("p", "v0", "v0")},
      {actual("p", "0", "a1", "a2"), actual("p", "1", "b", "c")},
      {actual("p", "0", "a1", "a2"), actual("p", "1", "b", kNone)},
      {actual("p", "1", kNone, "b"), actual("p", "0", kNone, kNone)},
  };
  for (const auto& change : wrong) {
    const auto result = commit(change);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, Fault::conflict);
  }
  const auto rows = whole("p");
  EXPECT_EQ(rows.scheduling, "v1");
  ASSERT_EQ(rows.actual.size(), 1u);
  EXPECT_EQ(rows.actual[0].bytes, "a1");
}

TEST_P(StoreContract, absence_and_presence_can_be_conditions_without_a_write) {
  ASSERT_TRUE(commit({scheduling("p", kNone, "v1")}));
  EXPECT_TRUE(commit({scheduling("p", "v1", "v1"), actual("p", "0e", kNone, kNone),
                      actual("p", "0", kNone, "a1")}));
  EXPECT_EQ(whole("p").actual.size(), 1u);
}

TEST_P(StoreContract, a_process_is_listed_as_long_as_it_has_a_row) {
  ASSERT_TRUE(commit({scheduling("p", kNone, "v1"), actual("p", "0", kNone, "a1")}));
  ASSERT_TRUE(commit({scheduling("p", "v1", kNone)}));
  EXPECT_EQ(guids_in_pages({.parts = {.all_slots = true}}), "p ");
  ASSERT_TRUE(commit({actual("p", "0", "a1", kNone)}));
  EXPECT_EQ(guids_in_pages({.parts = {.all_slots = true}}), "");
  auto page = wait_for<ProcessPage>([&](auto on) { store().page_processes({}, on); });
  EXPECT_TRUE(page->processes.empty());
}

TEST_P(StoreContract, pages_follow_domains_and_prefixes) {
  std::string expected;
  for (int i = 0; i < 250; ++i) {
    const std::string guid = "app-" + std::to_string(1000 + i);
    ASSERT_TRUE(commit({scheduling(guid, kNone, "x", "apps"), actual(guid, "0", kNone, "y")}));
    expected += guid + " ";
  }
  // "d" comes from actual rows: the same processes are met under both domains.
  ASSERT_TRUE(commit({scheduling("other", kNone, "x", "apps/nested")}));
  ASSERT_TRUE(commit({scheduling("third", kNone, "x", "app")}));
  EXPECT_EQ(guids_in_pages({.domain = "apps"}), expected);
  EXPECT_EQ(guids_in_pages({.domain = "apps/nested"}), "other ");
  EXPECT_EQ(guids_in_pages({.domain = "app"}), "third ");
  EXPECT_EQ(guids_in_pages({.domain = "nothing"}), "");
  EXPECT_EQ(guids_in_pages({.domain = "apps", .prefixes = {"app-1003", "app-1249", "x"}}),
            "app-1003 app-1249 ");
  EXPECT_EQ(guids_in_pages({}).size(), 2 * expected.size() + 12);
}

TEST_P(StoreContract, pages_carry_the_parts_asked_for) {
  ASSERT_TRUE(commit({scheduling("p", kNone, "v1"),
                      {.key = {Table::run, "p"}, .before = kNone, .after = "large"},
                      actual("p", "0", kNone, "a"),
                      actual("p", "1", kNone, "b")}));
  ProcessQuery query{.parts = {.scheduling = true, .run = true, .all_slots = true}};
  ProcessPage page;
  do {
    query.after = page.next;
    page = *wait_for<ProcessPage>([&](auto on) { store().page_processes(query, on); });
  } while (page.processes.empty() && !page.next.empty());
  ASSERT_EQ(page.processes.size(), 1u);
  EXPECT_EQ(page.processes[0].domain, "d");
  EXPECT_EQ(page.processes[0].scheduling, "v1");
  EXPECT_EQ(page.processes[0].run, "large");
  EXPECT_EQ(page.processes[0].actual.size(), 2u);
}

TEST_P(StoreContract, instances_are_found_by_cell) {
  ASSERT_TRUE(
      commit({actual("p", "0", kNone, "a", "", "z1"), actual("p", "1", kNone, "b", "", "z1"),
              actual("p", "1e", kNone, "c", "", "z2")}));
  ASSERT_TRUE(commit({actual("q", "0", kNone, "d", "", "z1")}));
  EXPECT_EQ(cell("z1"), "p/0=a p/1=b q/0=d ");
  ASSERT_TRUE(commit({actual("p", "1", "b", "b2", "z1", "z2")}));
  EXPECT_EQ(cell("z1"), "p/0=a q/0=d ");
  EXPECT_EQ(cell("z2"), "p/1=b2 p/1e=c ");
  ASSERT_TRUE(
      commit({actual("p", "0", "a", "free", "z1", ""), actual("p", "1e", "c", kNone, "z2", "")}));
  EXPECT_EQ(cell("z1"), "q/0=d ");
  EXPECT_EQ(cell("z2"), "p/1=b2 ");
}

TEST_P(StoreContract, tasks_are_found_by_guid_domain_and_cell) {
  std::string expected;
  for (int i = 0; i < 201; ++i) {
    const std::string guid = "t" + std::to_string(1000 + i);
    ASSERT_TRUE(commit({task(guid, kNone, "x")}));
    expected += guid + " ";
  }
  ASSERT_TRUE(commit({task("lonely", kNone, "y", "e", "", "z")}));
  EXPECT_EQ(tasks({.domain = "d"}), expected);
  EXPECT_EQ(tasks({.domain = "e"}), "lonely ");
  EXPECT_EQ(tasks({}), "lonely " + expected);
  EXPECT_EQ(cell_tasks("z"), "lonely=y ");
  EXPECT_EQ(row({Table::task, "lonely"}), "y");
  ASSERT_FALSE(commit({task("lonely", "x", kNone, "e", "z", "")}));
  ASSERT_TRUE(commit({task("lonely", "y", kNone, "e", "z", "")}));
  EXPECT_EQ(tasks({.domain = "e"}), "");
  EXPECT_EQ(cell_tasks("z"), "");
  EXPECT_FALSE(row({Table::task, "lonely"}));
}

TEST_P(StoreContract, small_tables_are_read_whole) {
  ASSERT_TRUE(commit({{.key = {Table::presence, "c1"}, .before = kNone, .after = "one"}}));
  ASSERT_TRUE(commit({{.key = {Table::presence, "c2"}, .before = kNone, .after = "two"}}));
  ASSERT_TRUE(commit({{.key = {Table::lock, "c1"}, .before = kNone, .after = "lock"}}));
  ASSERT_FALSE(commit({{.key = {Table::presence, "c1"}, .before = kNone, .after = "other"}}));
  EXPECT_EQ(table(Table::presence), "c1=one c2=two ");
  EXPECT_EQ(table(Table::lock), "c1=lock ");
  EXPECT_EQ(row({Table::presence, "c2"}), "two");
  ASSERT_TRUE(commit({{.key = {Table::presence, "c1"}, .before = "one", .after = kNone}}));
  EXPECT_EQ(table(Table::presence), "c2=two ");
}

TEST_P(StoreContract, a_blind_write_asks_nothing) {
  const RowChange change{.key = {Table::domain, "cf"}, .after = "1", .blind = true};
  ASSERT_TRUE(commit({change}));
  ASSERT_TRUE(commit({change}));
  EXPECT_EQ(table(Table::domain), "cf=1 ");
}

TEST_P(StoreContract, of_two_writers_that_saw_the_same_row_one_wins) {
  ASSERT_TRUE(commit({task("t", kNone, "v1")}));
  int won = 0, lost = 0;
  for (int i = 0; i < 8; ++i) {
    store().commit({task("t", "v1", "w" + std::to_string(i))}, [&](const Result<void>& result) {
      if (result) ++won;
      if (!result && result.error().fault == Fault::conflict) ++lost;
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (won + lost < 8 && std::chrono::steady_clock::now() < deadline) under_test_->turn();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
}

TEST_P(StoreContract, hundreds_of_rows_are_one_commit) {
  Change change{scheduling("p", kNone, "v1")};
  for (int i = 0; i < 256; ++i)
    change.push_back(actual("p", std::to_string(i), kNone, std::string(400, 'x'), "", "z"));
  ASSERT_TRUE(commit(change));
  EXPECT_EQ(whole("p").actual.size(), 256u);
}

TEST_P(StoreContract, processes_with_thousands_of_instances_are_read_whole) {
  ASSERT_TRUE(commit({scheduling("p", kNone, "v1")}));
  for (int part = 0; part < 8; ++part) {
    Change change;
    for (int i = 0; i < 250; ++i)
      change.push_back(actual("p", std::to_string(part * 250 + i), kNone, std::string(300, 'x')));
    ASSERT_TRUE(commit(change));
  }
  std::set<std::string> slots;
  for (const auto& row : whole("p").actual) slots.insert(row.slot);
  EXPECT_EQ(slots.size(), 2000u);
  EXPECT_EQ(whole("p").actual.size(), 2000u);
}

// Random commits, some of them wrong, against the simplest store there could be.
TEST_P(StoreContract, any_sequence_of_commits_leaves_what_a_map_would_have) {
  Rng rng(20'262);
  std::map<std::string, std::string> model;  // "p1 s", "p1 r", "p1 a3", "p1 t"
  const auto name_of = [](const RowKey& key) {
    static constexpr const char* kinds[] = {"s", "r", "a", "t"};
    return key.id + " " + kinds[static_cast<size_t>(key.table)] + key.slot;
  };
  for (int round = 0; round < 300; ++round) {
    const std::string guid = "p" + std::to_string(rng.below(6));
    Change change;
    if (rng.below(5) == 0) {
      change.push_back({.key = {Table::task, guid}, .domain = "d"});
    } else {
      std::set<std::string> chosen;
      for (uint64_t n = 1 + rng.below(4); n > 0; --n) {
        const uint64_t what = rng.below(5);
        RowKey key{what == 0 ? Table::scheduling : what == 1 ? Table::run : Table::actual, guid};
        if (what > 1) key.slot = std::to_string(rng.below(3));
        if (chosen.insert(name_of(key)).second) change.push_back({.key = key, .domain = "d"});
      }
    }
    bool is_right = true;
    for (RowChange& row : change) {
      const auto found = model.find(name_of(row.key));
      if (found != model.end()) row.before = found->second;
      if (rng.below(8) == 0) {
        row.before = row.before ? std::nullopt : std::optional<std::string>("wrong");
        is_right = false;
      }
      if (rng.below(3) != 0) row.after = "v" + std::to_string(rng.below(1000));
      if (rng.below(10) == 0) row.after = row.before;
    }
    const auto done = commit(change);
    ASSERT_EQ(done.has_value(), is_right) << "round " << round;
    if (!is_right) {
      EXPECT_EQ(done.error().fault, Fault::conflict);
      continue;
    }
    for (const RowChange& row : change) {
      if (row.after) {
        model[name_of(row.key)] = *row.after;
      } else {
        model.erase(name_of(row.key));
      }
    }
  }
  std::map<std::string, std::string> found;
  std::set<std::string> listed;
  ProcessQuery query{.parts = {.scheduling = true, .run = true, .all_slots = true}};
  do {
    auto page = *wait_for<ProcessPage>([&](auto on) { store().page_processes(query, on); });
    for (const auto& rows : page.processes) {
      if (rows.scheduling) found[rows.process_guid + " s"] = *rows.scheduling;
      if (rows.run) found[rows.process_guid + " r"] = *rows.run;
      for (const auto& one : rows.actual) found[rows.process_guid + " a" + one.slot] = one.bytes;
      EXPECT_TRUE(listed.insert(rows.process_guid).second) << "listed twice";
    }
    query.after = page.next;
  } while (!query.after.empty());
  for (int i = 0; i < 6; ++i) {
    const std::string guid = "p" + std::to_string(i);
    if (const auto bytes = row({Table::task, guid})) found[guid + " t"] = *bytes;
    // Nobody lists a process of which there is the large part only.
    if (!listed.contains(guid)) model.erase(guid + " r");
  }
  EXPECT_EQ(found, model);
}

INSTANTIATE_TEST_SUITE_P(Ways, StoreContract, testing::ValuesIn(ways_to_keep_the_contract()),
                         [](const auto& way) { return way.param; });

}  // namespace
}  // namespace causeway::store
