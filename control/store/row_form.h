#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/store/row_cipher.h"
#include "control/store/store.h"

namespace causeway::store {

// How rows look in Redis: sealed under the active key, or as they are. What a row looked like when
// it was read is not kept: `forms` are all ways in which it may lie there now. Owner: the store.
// Thread: its loop's.
class RowForm {
 public:
  explicit RowForm(const KeyRing* keys) : keys_(keys) {
    if (keys_ != nullptr) labels_ = {keys_->active_label()};
  }

  // Labels under which there may be rows, besides the active one; "" for rows in the clear.
  void labels_in_use(const std::vector<std::string>& labels);

  std::string stored(const RowKey& key, const std::string& bytes) const;
  // A row that cannot be opened is answered as it is: nobody can decode it. An empty one
  // is none, and counted as such a one.
  std::string opened(const RowKey& key, std::string stored);
  std::vector<std::string> forms(const RowKey& key, const std::string& bytes) const;

  // What a row's seal is bound to.
  static std::string about(const RowKey& key);
  static bool is_sealed_table(Table table) { return table <= Table::task; }

  uint64_t unreadable() const { return unreadable_; }

 private:
  const KeyRing* keys_;
  std::vector<std::string> labels_;  // the active one first
  uint64_t unreadable_ = 0;
};

}  // namespace causeway::store
