#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace causeway::http {

// One header line. The bytes live elsewhere: in an Arena, a read buffer, or a literal.
struct Header {
  std::string_view name;
  std::string_view value;
};

bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept;
// Is `token` one of the comma-separated elements of `list`? Case-insensitive (RFC 9110
// section 5.6.1).
bool has_token(std::string_view list, std::string_view token) noexcept;

// The header lines of one message, in the order and spelling received; duplicates stay separate
// lines. Names compare without case. Keeps its capacity over clear(), so a reused one does not
// allocate, but for a memory that only a strange message needs. Owner: its message. The views must
// outlive it.
class Headers {
 public:
  void clear() noexcept {
    if (lines_.capacity() > lines_kept_max) return std::vector<Header>().swap(lines_);
    lines_.clear();
  }
  size_t size() const noexcept { return lines_.size(); }
  bool empty() const noexcept { return lines_.empty(); }
  const Header* begin() const noexcept { return lines_.data(); }
  const Header* end() const noexcept { return lines_.data() + lines_.size(); }
  const Header& operator[](size_t i) const { return lines_[i]; }

  void add(std::string_view name, std::string_view value) { lines_.push_back({name, value}); }
  // Replaces the first line of that name, drops the other ones, or adds a line.
  void set(std::string_view name, std::string_view value);
  // Drops all lines of that name; answers how many.
  size_t remove(std::string_view name);
  template <class Predicate>
  size_t remove_if(Predicate predicate) {
    return std::erase_if(lines_, predicate);
  }

  // Value of the first line of that name.
  std::optional<std::string_view> find(std::string_view name) const noexcept;
  // The same, "" when absent.
  std::string_view get(std::string_view name) const noexcept {
    return find(name).value_or(std::string_view{});
  }
  bool has(std::string_view name) const noexcept { return find(name).has_value(); }
  // Does any line of that name hold the list element `token`?
  bool has_token(std::string_view name, std::string_view token) const noexcept;

 private:
  static constexpr size_t lines_kept_max = 256;  // 8 KiB
  std::vector<Header> lines_;
};

}  // namespace causeway::http
