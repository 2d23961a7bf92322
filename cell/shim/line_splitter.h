#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace causeway::shim {

// Cuts one output stream of a process into lines: at newline and carriage return, and after
// `bytes_max` bytes. Empty lines are left out, as Diego does. Memory is taken only while a line is
// incomplete. Owner: a process of the shim.
class LineSplitter {
 public:
  explicit LineSplitter(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Calls `line` for each complete line in `bytes`.
  template <class Line>
  void feed(std::string_view bytes, Line&& line) {
    while (!bytes.empty()) {
      const size_t end = bytes.find_first_of("\n\r");
      const bool is_complete = end != std::string_view::npos;
      std::string_view piece = bytes.substr(0, end);
      bytes.remove_prefix(is_complete ? end + 1 : bytes.size());
      while (partial_.size() + piece.size() > bytes_max_) {
        const size_t room = bytes_max_ - partial_.size();
        take(piece.substr(0, room), line);
        piece.remove_prefix(room);
      }
      if (is_complete) {
        take(piece, line);
      } else {
        partial_ += piece;
      }
    }
  }
  // What is left when the stream has ended.
  template <class Line>
  void finish(Line&& line) {
    take({}, line);
  }

 private:
  template <class Line>
  void take(std::string_view rest, Line& line) {
    if (partial_.empty()) {
      if (!rest.empty()) line(rest);
      return;
    }
    partial_ += rest;
    line(std::string_view(partial_));
    std::string().swap(partial_);
  }

  const size_t bytes_max_;
  std::string partial_;
};

}  // namespace causeway::shim
