#include "control/store/row_form.h"

#include <utility>

#include "base/check.h"

namespace causeway::store {

void RowForm::labels_in_use(const std::vector<std::string>& labels) {
  if (keys_ == nullptr) return;
  labels_ = {keys_->active_label()};
  for (const auto& label : labels) {
    if (label != keys_->active_label()) labels_.push_back(label);
  }
}

std::string RowForm::about(const RowKey& key) {
  static constexpr const char* kinds[] = {"s:", "r:", "a:", "t:"};
  CHECK(is_sealed_table(key.table));
  std::string text = kinds[static_cast<size_t>(key.table)] + key.id;
  if (key.table == Table::actual) text.append(1, '/').append(key.slot);
  return text;
}

std::string RowForm::stored(const RowKey& key, const std::string& bytes) const {
  if (keys_ == nullptr || !is_sealed_table(key.table)) return bytes;
  return keys_->seal(keys_->active_label(), about(key), bytes);
}

std::string RowForm::opened(const RowKey& key, std::string stored) {
  if (!stored.empty()) {
    if (label_of_row(stored).empty() || !is_sealed_table(key.table)) return stored;
    if (keys_ != nullptr) {
      auto text = keys_->open(about(key), stored);
      if (text && !text->empty()) return std::move(*text);
    }
  }
  ++unreadable_;
  return stored;
}

std::vector<std::string> RowForm::forms(const RowKey& key, const std::string& bytes) const {
  // Without a key, or one that could not be opened: as it was found.
  if (keys_ == nullptr || !is_sealed_table(key.table) || !label_of_row(bytes).empty())
    return {bytes};
  std::vector<std::string> forms;
  for (const auto& label : labels_)
    forms.push_back(label.empty() ? bytes : keys_->seal(label, about(key), bytes));
  return forms;
}

}  // namespace causeway::store
