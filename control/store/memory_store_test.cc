#include "control/store/memory_store.h"

#include <gtest/gtest.h>

#include "control/store/kept_under_test.h"
#include "control/store/store_contract.h"

namespace causeway::store {
namespace {

class MemoryUnderTest final : public StoreUnderTest {
 public:
  Store& store() override { return store_; }
  void turn() override { store_.run_pending(); }

 private:
  MemoryStore store_;
};

// Rows are kept and read again all the time.
class KeptInMemory final : public StoreUnderTest {
 public:
  KeptInMemory() {
    kept_.store().begin(1);
    while (!kept_.store().is_complete()) turn();
  }
  ~KeptInMemory() override { EXPECT_EQ(kept_.store().counts().corrected, 0u); }
  Store& store() override { return kept_.store(); }
  void turn() override {
    store_.run_pending();
    kept_.turn();
  }

 private:
  MemoryStore store_;
  KeptUnderTest kept_{store_};
};

const RowChange kFirst{
    .key = {Table::task, "t"}, .before = std::nullopt, .after = "v1", .domain = "d"};

TEST(MemoryStore, tells_unavailable_while_it_is_away) {
  MemoryStore store;
  bool usable = true;
  store.on_link([&](bool now) { usable = now; });
  store.set_usable(false);
  EXPECT_FALSE(usable);
  Fault fault{};
  store.commit({kFirst}, [&](const Result<void>& result) { fault = result.error().fault; });
  store.run_pending();
  EXPECT_EQ(fault, Fault::unavailable);
  store.set_usable(true);
  EXPECT_TRUE(usable);
  EXPECT_EQ(store.commits(), 0u);
}

TEST(MemoryStore, can_lose_the_answer_of_a_commit) {
  MemoryStore store;
  store.lose_next_answer();
  Fault fault{};
  store.commit({kFirst}, [&](const Result<void>& result) { fault = result.error().fault; });
  store.run_pending();
  EXPECT_EQ(fault, Fault::unavailable);
  EXPECT_EQ(store.commits(), 1u);
}

TEST(MemoryStore, lets_another_writer_come_first) {
  MemoryStore store;
  store.before_next_commit([&] { store.put(kFirst); });
  Fault fault{};
  store.commit({kFirst}, [&](const Result<void>& result) { fault = result.error().fault; });
  store.run_pending();
  EXPECT_EQ(fault, Fault::conflict);
}

}  // namespace

std::vector<std::string> ways_to_keep_the_contract() { return {"InMemory", "KeptInMemory"}; }

std::unique_ptr<StoreUnderTest> make_store_under_test(const std::string& way) {
  if (way == "KeptInMemory") return std::make_unique<KeptInMemory>();
  return std::make_unique<MemoryUnderTest>();
}

}  // namespace causeway::store
