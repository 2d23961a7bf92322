#pragma once

#include <string>
#include <vector>

namespace causeway::cli {

// Rows of text in aligned columns, for people. A value.
class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  // Titles and rows, two blanks between columns, no blanks at line ends.
  std::string text() const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

// "3s", "4m", "2h", "5d" for the time from `since_ns` to `now_ns` (Unix ns); "-" when there is
// none.
std::string age(int64_t since_ns, int64_t now_ns);

}  // namespace causeway::cli
