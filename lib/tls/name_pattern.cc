#include "tls/name_pattern.h"

#include <algorithm>

namespace causeway::tls {
namespace {

char lower_of(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool are_same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_of(x) == lower_of(y); });
}

}  // namespace

size_t bytes_covered(std::string_view pattern, std::string_view name) {
  if (are_same(pattern, name)) return name.size();
  if (!pattern.starts_with("*.")) return 0;
  const std::string_view end = pattern.substr(1);
  if (name.size() < end.size()) return 0;
  return are_same(end, name.substr(name.size() - end.size())) ? end.size() : 0;
}

}  // namespace causeway::tls
