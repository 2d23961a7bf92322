#include "control/store/kept_store.h"

#include <chrono>
#include <deque>
#include <set>

#include <gtest/gtest.h>

#include "control/store/kept_under_test.h"
#include "control/store/memory_store.h"

namespace causeway::store {
namespace {

using namespace std::chrono_literals;

constexpr std::nullopt_t kAbsent = std::nullopt;
const ProcessParts kSmall{.scheduling = true, .all_slots = true};

RowChange small_row(const std::string& guid, std::optional<std::string> before,
                    std::optional<std::string> after, const std::string& domain = "d") {
  return {.key = {Table::scheduling, guid}, .before = before, .after = after, .domain = domain};
}

std::string cell_in(const std::optional<std::string>& row) {
  const size_t at = row ? row->find('@') : std::string::npos;
  return at == std::string::npos ? "" : row->substr(at + 1);
}

RowChange instance(const std::string& guid, const std::string& slot,
                   std::optional<std::string> before, std::optional<std::string> after) {
  return {.key = {Table::actual, guid, slot},
          .before = before,
          .after = after,
          .domain = "d",
          .cell_before = cell_in(before),
          .cell_after = cell_in(after)};
}

// A store whose answers to reads can be held back: another link than that of commits, as it were.
class HeldReads final : public Store {
 public:
  explicit HeldReads(MemoryStore& store) : store_(store) {}
  void read_process(const std::string& guid, const ProcessParts& parts,
                    On<ProcessRows> on) override {
    if (std::exchange(fails_next_process_, false))
      on = [on = std::move(on)](const auto&) { on(Error{.fault = Fault::limit}); };
    store_.read_process(guid, parts, held(std::move(on)));
  }
  void page_processes(const ProcessQuery& query, On<ProcessPage> on) override {
    store_.page_processes(query, held(std::move(on)));
  }
  void read_cell(const std::string& cell, On<std::vector<CellRow>> on) override {
    store_.read_cell(cell, std::move(on));
  }
  void page_tasks(const TaskQuery& query, On<TaskPage> on) override {
    store_.page_tasks(query, std::move(on));
  }
  void read_cell_tasks(const std::string& cell, On<std::vector<NamedRow>> on) override {
    store_.read_cell_tasks(cell, std::move(on));
  }
  void read_row(const RowKey& key, On<std::optional<std::string>> on) override {
    store_.read_row(key, std::move(on));
  }
  void read_table(Table table, On<std::vector<NamedRow>> on) override {
    store_.read_table(table, std::move(on));
  }
  void commit(const Change& change, On<void> on) override {
    if (!std::exchange(delays_next_commit_, false)) return store_.commit(change, std::move(on));
    late_ = change;
    store_.read_row({Table::task, "any"},
                    [on = std::move(on)](const auto&) { on(Error{.fault = Fault::unavailable}); });
  }
  void confirm_process(const std::string& guid, const ProcessParts& parts, On<void> on) override {
    store_.confirm_process(guid, parts, std::move(on));
  }
  void confirm_row(const RowKey& key, On<void> on) override {
    store_.confirm_row(key, std::move(on));
  }
  void on_link(std::function<void(bool)> callback) override { store_.on_link(std::move(callback)); }

  // It is carried out when nobody waits for it any more.
  void delay_next_commit() { delays_next_commit_ = true; }
  void carry_out_late() {
    for (const RowChange& row : late_) store_.put(row);
  }
  void fail_next_process() { fails_next_process_ = true; }
  void hold() { is_holding_ = true; }
  void release() {
    is_holding_ = false;
    for (const auto& answer : std::exchange(held_, {})) answer();
  }

 private:
  template <class T>
  On<T> held(On<T> on) {
    return [this, on = std::move(on)](Result<T> result) {
      if (!is_holding_) return on(std::move(result));
      held_.push_back([on, result = std::move(result)] { on(result); });
    };
  }
  MemoryStore& store_;
  bool fails_next_process_ = false;
  bool delays_next_commit_ = false;
  Change late_;
  bool is_holding_ = false;
  std::deque<std::function<void()>> held_;
};

class KeptStoreTest : public testing::Test {
 protected:
  KeptStoreTest() {
    kept_.store().on_link([this](bool usable) {
      links_ += usable ? "+" : "-";
      EXPECT_EQ(kept_.store().table().rows(), 0u);
    });
  }
  // Until all is known; the rounds after that never end.
  void run() {
    for (int turns = 0; turns < 1'000; ++turns) {
      if (memory_.run_pending() > 0) continue;
      if (kept_.store().is_complete() || !kept_.turn()) return;
    }
  }
  // What is due in this time, and no later.
  void run_for(Duration time) {
    const Instant end = kept_.clock().now() + time;
    while (kept_.rest() && kept_.clock().now() + *kept_.rest() <= end) {
      kept_.turn();
      memory_.run_pending();
    }
  }
  void begin() {
    kept_.store().begin(1);
    run();
    ASSERT_TRUE(kept_.store().is_complete());
  }
  template <class T, class Call>
  Result<T> answer_of(Call call) {
    std::optional<Result<T>> answer;
    call([&answer](Result<T> result) { answer.emplace(std::move(result)); });
    EXPECT_FALSE(answer) << "called back from inside the call";
    for (int turns = 0; turns < 1'000 && !answer; ++turns)
      if (memory_.run_pending() == 0 && !kept_.answer()) kept_.turn();
    if (!answer) return Error{.fault = Fault::timeout, .detail = "no callback"};
    return std::move(*answer);
  }
  Result<void> commit(const Change& change) {
    return answer_of<void>([&](auto on) { kept_.store().commit(change, on); });
  }
  // It is carried out, and nobody tells us.
  void commit_uncertainly(const Change& change) {
    memory_.lose_next_answer();
    EXPECT_EQ(commit(change).error().fault, Fault::unavailable);
  }
  // "p" is "v2" below and forgotten here; it could not be read again.
  void forget_p() {
    begin();
    ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
    below_.fail_next_process();
    commit_uncertainly({small_row("p", "v1", "v2")});
    memory_.run_pending();
  }
  // "small 0=a 1=b"
  static std::string text_of(const ProcessRows& rows) {
    std::string text = rows.scheduling.value_or("-");
    for (const SlotRow& row : rows.actual) text += " " + row.slot + "=" + row.bytes;
    return text;
  }
  std::string process(const std::string& guid, const ProcessParts& parts = kSmall) {
    return text_of(
        *answer_of<ProcessRows>([&](auto on) { kept_.store().read_process(guid, parts, on); }));
  }
  Result<ProcessPage> page(const ProcessQuery& query) {
    return answer_of<ProcessPage>([&](auto on) { kept_.store().page_processes(query, on); });
  }
  std::string guids_of_page(const ProcessQuery& query) {
    std::string guids;
    const auto found = page(query);
    for (const auto& rows : found->processes) guids += rows.process_guid + " ";
    return guids;
  }
  std::set<std::string> cell(const std::string& id) {
    const auto rows =
        answer_of<std::vector<CellRow>>([&](auto on) { kept_.store().read_cell(id, on); });
    std::set<std::string> names;
    for (const auto& row : *rows) names.insert(row.process_guid + "/" + row.slot + "=" + row.bytes);
    return names;
  }
  // Whether the store below is asked for it.
  template <class Call>
  bool is_read_below(Call call) {
    const size_t before = memory_.reads();
    call();
    return memory_.reads() > before;
  }
  bool is_process_read_below(const std::string& guid) {
    return is_read_below([&] { process(guid); });
  }
  const KeptStore::Counts& counts() { return kept_.store().counts(); }

  MemoryStore memory_;
  HeldReads below_{memory_};
  KeptUnderTest kept_{below_, 10min};
  std::string links_;
};

TEST_F(KeptStoreTest, everything_is_read_below_until_we_lead) {
  memory_.put(small_row("p", kAbsent, "v1"));
  ASSERT_TRUE(commit({instance("p", "0", kAbsent, "a@z")}));
  EXPECT_TRUE(is_process_read_below("p"));
  EXPECT_EQ(process("p"), "v1 0=a@z");
  EXPECT_TRUE(is_read_below([&] { cell("z"); }));
  EXPECT_EQ(kept_.store().table().rows(), 0u);
}

TEST_F(KeptStoreTest, reads_come_from_memory_when_all_is_known) {
  memory_.put(small_row("p", kAbsent, "v1"));
  memory_.put(instance("p", "0", kAbsent, "a@z"));
  memory_.put(instance("p", "1", kAbsent, "b@y"));
  begin();
  EXPECT_FALSE(is_read_below([&] {
    EXPECT_EQ(process("p"), "v1 0=a@z 1=b@y");
    EXPECT_EQ(process("p", {.scheduling = false, .slots = {"1", "7"}}), "- 1=b@y");
    EXPECT_EQ(process("unknown"), "-");
    EXPECT_EQ(cell("z"), std::set<std::string>{"p/0=a@z"});
    EXPECT_EQ(cell("nowhere"), std::set<std::string>{});
    EXPECT_EQ(guids_of_page({}), "p ");
    EXPECT_EQ(guids_of_page({.domain = "e"}), "");
  }));
  EXPECT_EQ(counts().reads, 7u);
  EXPECT_TRUE(is_read_below([&] { process("p", {.run = true}); })) << "large parts are not kept";
}

TEST_F(KeptStoreTest, while_rows_are_first_read_what_is_not_known_yet_is_read_below) {
  for (int i = 0; i < 250; ++i)
    memory_.put(small_row("p" + std::to_string(1000 + i), kAbsent, "v1"));
  kept_.store().begin(1);
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();
  EXPECT_EQ(kept_.store().table().processes(), 100u);
  EXPECT_FALSE(is_process_read_below("p1000"));
  EXPECT_TRUE(is_process_read_below("p1249"));
  EXPECT_TRUE(is_read_below([&] { EXPECT_EQ(page({})->processes.size(), 100u); }));
  EXPECT_TRUE(is_read_below([&] { cell("z"); }));
  // Made in front of and behind the place where the reading is.
  ASSERT_TRUE(commit({small_row("a", kAbsent, "v1"), instance("a", "0", kAbsent, "x@z")}));
  ASSERT_TRUE(commit({small_row("z", kAbsent, "v1")}));
  run();
  ASSERT_TRUE(kept_.store().is_complete());
  EXPECT_EQ(kept_.store().table().processes(), 252u);
  EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(cell("z").size(), 1u); }));
}

TEST_F(KeptStoreTest, a_commit_shows_in_memory_before_its_caller_hears_of_it) {
  begin();
  std::optional<std::string> seen;
  kept_.store().commit({small_row("p", kAbsent, "v1")}, [&](const Result<void>& done) {
    EXPECT_TRUE(done);
    kept_.store().read_process("p", kSmall, [&](const auto& rows) { seen = text_of(*rows); });
  });
  const size_t reads = memory_.reads();
  memory_.run_pending();
  kept_.answer();
  EXPECT_EQ(seen, "v1");
  EXPECT_EQ(memory_.reads(), reads);
  ASSERT_TRUE(commit({small_row("p", "v1", kAbsent)}));
  EXPECT_EQ(guids_of_page({}), "");
  EXPECT_EQ(kept_.store().table().rows(), 0u);
  EXPECT_EQ(kept_.store().table().row_bytes(), 0u);
}

TEST_F(KeptStoreTest, a_change_that_replicas_did_not_confirm_stands_all_the_same) {
  begin();
  memory_.leave_unconfirmed(true);
  EXPECT_EQ(commit({small_row("p", kAbsent, "v1")}).error().fault, Fault::timeout);
  EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(process("p"), "v1"); }));
  EXPECT_EQ(counts().forgotten, 0u);
}

TEST_F(KeptStoreTest, a_process_whose_commit_ended_uncertainly_is_read_again) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1"), instance("p", "0", kAbsent, "a@z")}));
  below_.hold();
  commit_uncertainly({instance("p", "0", "a@z", "b@y")});
  EXPECT_FALSE(kept_.store().is_complete());
  EXPECT_TRUE(is_read_below([&] { cell("y"); })) << "it may have the process";
  EXPECT_FALSE(is_read_below([&] { process("q"); })) << "others are known";
  memory_.run_pending();
  below_.release();
  EXPECT_TRUE(kept_.store().is_complete());
  EXPECT_FALSE(is_read_below([&] {
    EXPECT_EQ(process("p"), "v1 0=b@y");
    EXPECT_EQ(cell("y").size(), 1u);
    EXPECT_EQ(cell("z").size(), 0u);
    EXPECT_EQ(guids_of_page({.domain = "d"}), "p ");
  }));
}

TEST_F(KeptStoreTest, a_process_that_was_made_with_an_uncertain_end_is_found) {
  begin();
  commit_uncertainly({small_row("p", kAbsent, "v1", "e")});
  run();
  EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(guids_of_page({.domain = "e"}), "p "); }));
}

TEST_F(KeptStoreTest, a_forgotten_process_that_cannot_be_read_is_tried_again) {
  forget_p();
  EXPECT_FALSE(kept_.store().is_complete());
  EXPECT_EQ(kept_.rest(), 500ms);
  run();
  EXPECT_TRUE(kept_.store().is_complete());
  EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(process("p"), "v2"); }));
}

TEST_F(KeptStoreTest, a_forgotten_process_does_not_wait_for_the_next_page) {
  forget_p();
  kept_.clock().advance(10min);
  below_.fail_next_process();
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();  // a page comes, the process does not
  EXPECT_FALSE(kept_.store().is_complete());
  EXPECT_LE(kept_.rest(), Duration(500ms));
}

TEST_F(KeptStoreTest, commits_during_the_reading_of_a_forgotten_process_come_on_top_of_it) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v0"), instance("p", "0", kAbsent, "a@z")}));
  below_.hold();
  memory_.lose_next_answer();
  const size_t reads = memory_.reads();
  EXPECT_FALSE(commit({instance("p", "0", "a@z", "b@y")}));
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(
        commit({small_row("p", "v" + std::to_string(i), "v" + std::to_string(i + 1), "d")}));
  EXPECT_EQ(memory_.reads(), reads + 1);
  below_.release();
  EXPECT_TRUE(kept_.store().is_complete());
  EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(process("p"), "v100 0=b@y"); }));
}

TEST_F(KeptStoreTest, a_reading_during_which_a_commit_ended_uncertainly_is_repeated_after_a_rest) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  below_.hold();
  commit_uncertainly({small_row("p", "v1", "v2")});
  ASSERT_TRUE(commit({small_row("p", "v2", "v3")}));
  commit_uncertainly({small_row("p", "v3", "v4")});
  below_.release();
  const size_t reads = memory_.reads();
  ASSERT_TRUE(commit({small_row("p", "v4", "v5")}));
  EXPECT_FALSE(kept_.store().is_complete());
  EXPECT_EQ(memory_.reads(), reads);
  EXPECT_EQ(kept_.rest(), 500ms);
  run();
  EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(process("p"), "v5"); }));
}

TEST_F(KeptStoreTest, a_commit_that_is_carried_out_when_all_has_been_read_anew_is_found) {
  for (const Duration delay : {Duration(0s), Duration(5s), Duration(40s)}) {
    SCOPED_TRACE(delay.count());
    memory_.put(small_row("p", kAbsent, "v1"));
    memory_.put(instance("p", "0", "a@z", kAbsent));
    begin();
    below_.delay_next_commit();
    EXPECT_FALSE(commit({small_row("p", "v1", "v2"), instance("p", "0", kAbsent, "a@z")}));
    memory_.set_usable(false);
    memory_.set_usable(true);
    run();
    const int told = kept_.told_of_corrections;
    run_for(delay);
    EXPECT_EQ(process("p"), "v1");
    below_.carry_out_late();
    EXPECT_EQ(process("p"), "v1") << "who should know";
    run_for(80s);
    EXPECT_EQ(kept_.told_of_corrections, told + 1);
    EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(process("p"), "v2 0=a@z"); }));
  }
}

TEST_F(KeptStoreTest, a_commit_that_was_surely_not_carried_out_forgets_nothing) {
  begin();
  memory_.set_usable(false);
  EXPECT_EQ(commit({small_row("p", kAbsent, "v1")}).error().retry, Retry::always);
  EXPECT_EQ(counts().forgotten, 0u);
}

TEST_F(KeptStoreTest, rows_that_are_deleted_before_they_are_known_drop_nothing) {
  memory_.put(small_row("p", kAbsent, "v1"));
  memory_.put(instance("p", "0", kAbsent, "a@z"));
  kept_.store().begin(1);
  ASSERT_TRUE(commit({instance("p", "0", "a@z", kAbsent)}));
  memory_.run_pending();
  EXPECT_EQ(kept_.store().table().processes(), 1u) << "it is known where it is listed";
  run();
  EXPECT_EQ(process("p"), "v1");
}

TEST_F(KeptStoreTest, rows_that_a_commit_only_checks_are_compared_too) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1"), instance("p", "0", kAbsent, "a@z")}));
  // The caller has read the row before it was changed: memory knows that.
  ASSERT_TRUE(commit({small_row("p", "v1", "v2")}));
  const auto conflict = commit({small_row("p", "v1", "v1"), instance("p", "0", "a@z", "b@y")});
  EXPECT_EQ(conflict.error().fault, Fault::conflict);
  EXPECT_EQ(counts().forgotten, 0u);
  // It agrees with memory, and yet: memory is wrong.
  memory_.put(small_row("p", "v2", "other"));
  EXPECT_FALSE(commit({small_row("p", "v2", "v2"), instance("p", "0", "a@z", "b@y")}));
  EXPECT_EQ(counts().forgotten, 1u);
  run();
  EXPECT_EQ(process("p"), "other 0=a@z");
  // The other way round.
  memory_.put(small_row("p", "other", "v3"));
  ASSERT_TRUE(commit({small_row("p", "v3", "v3"), instance("p", "0", "a@z", "b@y")}));
  EXPECT_EQ(counts().forgotten, 2u);
  run();
  EXPECT_EQ(process("p"), "v3 0=b@y");
}

TEST_F(KeptStoreTest, a_commit_that_only_checks_shows_what_is_wrong) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  memory_.put(small_row("p", "v1", "other"));
  EXPECT_FALSE(commit({small_row("p", "v1", "v1")}));
  run();
  EXPECT_EQ(process("p"), "other");
  EXPECT_TRUE(commit({small_row("p", "other", "other")}));
  EXPECT_EQ(counts().forgotten, 1u);
}

TEST_F(KeptStoreTest, a_round_takes_its_time_however_the_state_is_cut) {
  kept_.store().begin(16);
  run();
  ASSERT_TRUE(kept_.store().is_complete());
  EXPECT_EQ(kept_.rest(), Duration(10min) / 16);
}

TEST_F(KeptStoreTest, a_page_that_cannot_be_read_is_tried_again) {
  memory_.put(small_row("p", kAbsent, "v1"));
  memory_.fail_next_page();
  kept_.store().begin(1);
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();
  EXPECT_FALSE(kept_.store().is_complete());
  EXPECT_EQ(kept_.rest(), 500ms);
  run();
  EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(process("p"), "v1"); }));
}

TEST_F(KeptStoreTest, somebody_elses_write_is_found_by_the_conflict_with_it) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  memory_.put(small_row("p", "v1", "other"));
  EXPECT_EQ(process("p"), "v1") << "nobody told us";
  EXPECT_EQ(commit({small_row("p", "v1", "v2")}).error().fault, Fault::conflict);
  run();
  EXPECT_EQ(process("p"), "other");
  EXPECT_TRUE(commit({small_row("p", "other", "v2")}));
}

TEST_F(KeptStoreTest, a_conflict_that_memory_knows_of_forgets_nothing) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  ASSERT_TRUE(commit({small_row("p", "v1", "v2")}));
  EXPECT_EQ(commit({small_row("p", "v1", "v3")}).error().fault, Fault::conflict);
  // Two at once: of the one that loses it is known why as soon as the other one has ended.
  int won = 0;
  for (const char* value : {"x", "y"})
    kept_.store().commit({small_row("p", "v2", value)},
                         [&](const Result<void>& done) { won += done ? 1 : 0; });
  memory_.run_pending();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(counts().forgotten, 0u);
  EXPECT_EQ(process("p"), "x");
}

TEST_F(KeptStoreTest, a_commit_that_met_other_rows_than_ours_shows_that_ours_are_wrong) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1"), instance("p", "0", kAbsent, "a@z")}));
  memory_.put(instance("p", "0", "a@z", "other@y"));
  ASSERT_TRUE(commit({instance("p", "0", "other@y", "b@y")}));
  run();
  EXPECT_EQ(counts().forgotten, 1u);
  EXPECT_EQ(process("p"), "v1 0=b@y");
}

TEST_F(KeptStoreTest, while_a_commit_is_under_way_its_process_is_read_below_behind_it) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  std::string seen;
  kept_.store().commit({small_row("p", "v1", "v2")}, [](const Result<void>&) {});
  const size_t reads = memory_.reads();
  kept_.store().read_process("p", kSmall, [&](const auto& rows) { seen = text_of(*rows); });
  EXPECT_EQ(memory_.reads(), reads + 1);
  memory_.run_pending();
  EXPECT_EQ(seen, "v2");
  EXPECT_EQ(counts().corrected, 0u);
}

TEST_F(KeptStoreTest, a_read_that_waits_when_a_commit_begins_goes_behind_it) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  std::string seen;
  kept_.store().read_process("p", kSmall, [&](const auto& rows) { seen = text_of(*rows); });
  kept_.store().commit({small_row("p", "v1", "v2")}, [](const Result<void>&) {});
  kept_.answer();
  memory_.run_pending();
  EXPECT_EQ(seen, "v2");
}

TEST_F(KeptStoreTest, what_was_read_before_a_commit_and_comes_after_it_is_not_kept) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  below_.hold();
  std::string seen;
  kept_.store().read_process("p", {.run = true, .all_slots = true},
                             [&](const auto& rows) { seen = text_of(*rows); });
  ASSERT_TRUE(commit({small_row("p", "v1", "v2")}));
  below_.release();
  EXPECT_EQ(seen, "v1") << "as it was when it was read";
  EXPECT_EQ(process("p"), "v2");
  EXPECT_EQ(counts().corrected, 0u);
}

TEST_F(KeptStoreTest, pages_that_were_overtaken_by_commits_spoil_nothing) {
  for (const char* guid : {"p", "q", "r"}) memory_.put(small_row(guid, kAbsent, "v1"));
  below_.hold();
  kept_.store().begin(1);
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();  // the page is read, and held
  ASSERT_TRUE(commit({small_row("p", "v1", "v2")}));
  ASSERT_TRUE(commit({small_row("q", "v1", kAbsent)}));
  ASSERT_TRUE(commit({small_row("s", kAbsent, "v1")}));
  below_.release();
  run();
  ASSERT_TRUE(kept_.store().is_complete());
  EXPECT_FALSE(is_read_below([&] {
    EXPECT_EQ(process("p"), "v2");
    EXPECT_EQ(process("q"), "-");
    EXPECT_EQ(guids_of_page({}), "p r s ");
  }));
  EXPECT_EQ(counts().corrected, 0u);
}

TEST_F(KeptStoreTest, when_the_link_is_lost_everything_is_dropped_and_read_anew) {
  for (int i = 0; i < 250; ++i)
    memory_.put(small_row("p" + std::to_string(1000 + i), kAbsent, "v1"));
  kept_.store().begin(1);
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();
  EXPECT_EQ(kept_.store().table().processes(), 100u);
  ASSERT_TRUE(kept_.turn());  // the second page is asked for when the link breaks
  memory_.set_usable(false);
  EXPECT_EQ(commit({small_row("a", kAbsent, "v1")}).error().fault, Fault::unavailable);
  memory_.run_pending();
  memory_.put(small_row("p1000", "v1", "v2"));
  memory_.set_usable(true);
  EXPECT_EQ(links_, "-+");
  run();
  ASSERT_TRUE(kept_.store().is_complete());
  EXPECT_EQ(kept_.store().table().processes(), 250u);
  EXPECT_EQ(process("p1000"), "v2");
}

TEST_F(KeptStoreTest, an_answer_from_before_the_link_was_lost_is_not_kept) {
  memory_.put(small_row("p", kAbsent, "v1"));
  below_.hold();
  kept_.store().begin(1);
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();
  memory_.set_usable(false);
  memory_.put(small_row("p", "v1", "v2"));
  memory_.set_usable(true);
  below_.release();
  EXPECT_EQ(kept_.store().table().rows(), 0u);
  run();
  EXPECT_EQ(process("p"), "v2");
}

TEST_F(KeptStoreTest, who_may_not_be_the_leader_any_more_answers_nothing_from_memory) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1"), instance("p", "0", kAbsent, "a@z")}));
  kept_.is_sure = false;
  EXPECT_TRUE(is_process_read_below("p"));
  EXPECT_TRUE(is_read_below([&] { guids_of_page({}); }));
  EXPECT_TRUE(is_read_below([&] { cell("z"); }));
  kept_.is_sure = true;
  EXPECT_FALSE(is_process_read_below("p"));
  // The time is over while reads wait.
  int answers = 0;
  const size_t reads = memory_.reads();
  kept_.store().read_process("p", kSmall, [&](const auto&) { ++answers; });
  kept_.store().page_processes({.parts = kSmall}, [&](const auto&) { ++answers; });
  kept_.store().read_cell("z", [&](const auto&) { ++answers; });
  kept_.is_sure = false;
  kept_.answer();
  EXPECT_EQ(memory_.reads(), reads + 3);
  memory_.run_pending();
  EXPECT_EQ(answers, 3);
}

TEST_F(KeptStoreTest, pages_may_come_from_memory_and_from_below_by_turns) {
  for (int i = 0; i < 350; ++i) {
    // Domains whose order is another one than that of their entries.
    const std::string domain = i % 3 == 0 ? "d" : i % 3 == 1 ? "d-e" : "d/e";
    memory_.put(small_row("p" + std::to_string(1000 + i), kAbsent, "v1", domain));
  }
  begin();
  for (const bool memory_first : {true, false}) {
    std::set<std::string> seen;
    std::string order;
    ProcessQuery query{.parts = kSmall};
    do {
      kept_.is_sure = (query.after.empty()) == memory_first || seen.size() == 200;
      const auto next = page(query);
      for (const auto& rows : next->processes) {
        EXPECT_TRUE(seen.insert(rows.process_guid).second) << "twice";
        const std::string entry = rows.domain + "/" + rows.process_guid;
        EXPECT_LT(order, entry);
        order = entry;
      }
      query.after = next->next;
    } while (!query.after.empty());
    EXPECT_EQ(seen.size(), 350u);
  }
}

TEST_F(KeptStoreTest, pages_end_behind_very_large_processes) {
  Change change;
  for (int i = 0; i < 2'000; ++i) change.push_back(instance("a", std::to_string(i), kAbsent, "x"));
  for (const auto& row : change) memory_.put(row);
  memory_.put(small_row("b", kAbsent, "v1"));
  begin();
  const auto first = page({.parts = kSmall});
  ASSERT_EQ(first->processes.size(), 1u);
  EXPECT_EQ(first->processes[0].actual.size(), 2'000u);
  EXPECT_EQ(guids_of_page({.parts = kSmall, .after = first->next}), "b ");
}

TEST_F(KeptStoreTest, changes_that_nobody_told_us_of_are_found_by_reading_again) {
  for (const char* guid : {"p", "q", "r"}) {
    memory_.put(small_row(guid, kAbsent, "v1"));
    memory_.put(instance(guid, "0", kAbsent, "a@z"));
  }
  begin();
  EXPECT_EQ(kept_.rest(), 10min) << "one page in a round";
  memory_.put(instance("p", "0", "a@z", "other@y"));
  memory_.put(small_row("q", "v1", kAbsent));
  memory_.put(instance("q", "0", "a@z", kAbsent));
  memory_.put(small_row("s", kAbsent, "new"));
  EXPECT_EQ(process("q"), "v1 0=a@z") << "not yet";
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();
  EXPECT_EQ(counts().corrected, 3u);
  EXPECT_EQ(kept_.told_of_corrections, 1);
  EXPECT_FALSE(is_read_below([&] {
    EXPECT_EQ(process("p"), "v1 0=other@y");
    EXPECT_EQ(process("q"), "-");
    EXPECT_EQ(process("s"), "new");
    EXPECT_EQ(cell("z"), std::set<std::string>{"r/0=a@z"});
    EXPECT_EQ(guids_of_page({}), "p r s ");
  }));
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();
  EXPECT_EQ(counts().corrected, 3u);
  EXPECT_EQ(kept_.told_of_corrections, 1);
}

TEST_F(KeptStoreTest, a_round_goes_by_pages_and_meets_commits_in_between) {
  for (int i = 0; i < 250; ++i)
    memory_.put(small_row("p" + std::to_string(1000 + i), kAbsent, "v1"));
  begin();
  EXPECT_EQ(kept_.rest(), Duration(10min) / 3);
  below_.hold();
  ASSERT_TRUE(kept_.turn());
  memory_.run_pending();
  ASSERT_TRUE(commit({small_row("p1001", "v1", kAbsent)}));
  ASSERT_TRUE(commit({small_row("p1002", "v1", "v2")}));
  ASSERT_TRUE(commit({small_row("p10005", kAbsent, "v1")}));
  below_.release();
  for (int turns = 0; turns < 10; ++turns) {
    kept_.turn();
    memory_.run_pending();
  }
  EXPECT_EQ(counts().corrected, 0u);
  EXPECT_EQ(process("p1001"), "-");
  EXPECT_EQ(process("p1002"), "v2");
  EXPECT_EQ(process("p10005"), "v1");
}

TEST_F(KeptStoreTest, what_is_found_beside_a_large_part_is_believed) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  memory_.put(small_row("p", "v1", "other"));
  EXPECT_EQ(process("p", {.run = true, .all_slots = true}), "other");
  EXPECT_EQ(process("p"), "other");
  EXPECT_EQ(counts().corrected, 1u);
  EXPECT_EQ(kept_.told_of_corrections, 1);
  // Of a process that should not be there it is not known where it is listed: all is read again.
  memory_.put(small_row("new", kAbsent, "v1", "e"));
  EXPECT_EQ(process("new", {.run = true, .all_slots = true}), "v1");
  EXPECT_FALSE(kept_.store().is_complete());
  run();
  EXPECT_FALSE(is_read_below([&] { EXPECT_EQ(guids_of_page({.domain = "e"}), "new "); }));
}

TEST_F(KeptStoreTest, reads_are_answered_together_and_in_order) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  std::string order;
  for (const char* name : {"a", "b", "c"})
    kept_.store().read_process("p", kSmall, [&order, name](const auto&) { order += name; });
  EXPECT_EQ(order, "");
  kept_.answer();
  EXPECT_EQ(order, "abc");
}

TEST_F(KeptStoreTest, pages_leave_the_loop_to_others_after_a_millisecond) {
  begin();
  ASSERT_TRUE(commit({small_row("p", kAbsent, "v1")}));
  int pages = 0, calls = 0;
  for (int i = 0; i < 10; ++i)
    kept_.store().page_processes({.parts = kSmall}, [&](const auto&) {
      ++pages;
      kept_.clock().advance(400us);
    });
  kept_.answer();
  EXPECT_EQ(pages, 3);
  kept_.store().read_process("p", kSmall, [&](const auto&) { ++calls; });
  kept_.store().run_pending();
  EXPECT_EQ(calls, 1) << "calls do not wait for them";
  EXPECT_EQ(pages, 3);
  while (kept_.answer()) continue;
  EXPECT_EQ(pages, 10);
}

TEST_F(KeptStoreTest, a_store_that_ends_hears_nothing_more) {
  memory_.put(small_row("p", kAbsent, "v1"));
  {
    KeptUnderTest other(memory_, 1min);
    other.store().begin(1);
    ASSERT_TRUE(other.turn());
  }
  EXPECT_EQ(memory_.run_pending(), 1u);
}

}  // namespace
}  // namespace causeway::store
