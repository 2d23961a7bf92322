#include "test/sim/presences.h"

#include <utility>
#include <vector>

#include "control/bbs/rows/rows.h"
#include "locket.pb.h"

namespace causeway::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration good_for = 15s;

}  // namespace

void Presences::renew_all() {
  looked_ = timeline_.now();
  store_.read_table(store::Table::presence, [this](const auto& rows) {
    if (!rows) return;
    for (const auto& row : *rows) good_until_.try_emplace(row.id, timeline_.now() + good_for);
  });
}

void Presences::look_for_expired() {
  // We slept, not the cells.
  const Duration slept = timeline_.now() - std::exchange(looked_, timeline_.now());
  std::vector<std::string> expired;
  for (auto& [cell, until] : good_until_) {
    if (slept > 2s) until += slept;
    if (until <= timeline_.now()) expired.push_back(cell);
  }
  for (const std::string& cell : expired) {
    good_until_.erase(cell);
    write(cell, std::nullopt);
  }
}

void Presences::refresh(const std::string& cell, const std::string& zone) {
  const auto known = good_until_.find(cell);
  if (known != good_until_.end()) {
    known->second = timeline_.now() + good_for;
    return;
  }
  models::StoredResource stored;
  stored.mutable_resource()->set_key(cell);
  stored.mutable_resource()->set_value(R"({"cell_id":")" + cell + R"(","rep_url":")" + cell +
                                       R"(","zone":")" + zone + R"("})");
  write(cell, bbs::encode_row(stored));
}

void Presences::write(const std::string& cell, const std::optional<std::string>& after) {
  const store::RowKey key{store::Table::presence, cell};
  store_.read_row(key, [this, key, after](const Result<std::optional<std::string>>& row) {
    if (!row) return;
    store_.commit({{.key = key, .before = *row, .after = after}},
                  [this, cell = key.id, is_there = after.has_value()](const Result<void>& done) {
                    // Not sure: the cell refreshes it, or it expires once more.
                    if (!done && !is_there) good_until_.try_emplace(cell, timeline_.now());
                    if (!done) return;
                    if (is_there) good_until_[cell] = timeline_.now() + good_for;
                    on_change_();
                  });
  });
}

}  // namespace causeway::sim
