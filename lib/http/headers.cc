#include "http/headers.h"

namespace causeway::http {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (left[i] != right[i] && lower(left[i]) != lower(right[i])) return false;
  }
  return true;
}

bool has_token(std::string_view list, std::string_view token) noexcept {
  for (;;) {
    const size_t comma = list.find(',');
    if (equals_ignoring_case(trim(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

void Headers::set(std::string_view name, std::string_view value) {
  bool placed = false;
  std::erase_if(lines_, [&](Header& line) {
    if (!equals_ignoring_case(line.name, name)) return false;
    if (placed) return true;
    line.value = value;
    placed = true;
    return false;
  });
  if (!placed) add(name, value);
}

size_t Headers::remove(std::string_view name) {
  return remove_if([name](const Header& line) { return equals_ignoring_case(line.name, name); });
}

std::optional<std::string_view> Headers::find(std::string_view name) const noexcept {
  for (const Header& line : lines_) {
    if (equals_ignoring_case(line.name, name)) return line.value;
  }
  return std::nullopt;
}

bool Headers::has_token(std::string_view name, std::string_view token) const noexcept {
  for (const Header& line : lines_) {
    if (equals_ignoring_case(line.name, name) && http::has_token(line.value, token)) return true;
  }
  return false;
}

}  // namespace causeway::http
