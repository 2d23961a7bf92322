#include "http/target.h"

#include <algorithm>

namespace causeway::http {
namespace {

bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool has_good_escapes(std::string_view path) noexcept {
  for (size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 3)) {
    if (at + 2 >= path.size() || !is_hex(path[at + 1]) || !is_hex(path[at + 2])) return false;
  }
  return true;
}

}  // namespace

bool is_authority(std::string_view host) noexcept {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != '/' && c != '\\' && c != '"' &&
           c != '<' && c != '>' && c != '^' && c != '`' && c != '{' && c != '|' && c != '}' &&
           c != '?' && c != '#' && c != '@';
  });
}

bool is_request_target(std::string_view method, std::string_view target) noexcept {
  if (target.empty()) return false;
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return false;
  }
  std::string_view path = target.substr(0, target.find('?'));
  if (target.front() != '/' && target != "*") {
    const size_t scheme = path.find("://");
    if (scheme != std::string_view::npos && scheme > 0) {
      const std::string_view name = path.substr(0, scheme);
      if (!std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '+' || c == '-' || c == '.';
          }))
        return false;
      path.remove_prefix(scheme + 3);
      const std::string_view authority = path.substr(0, path.find_first_of("/#"));
      if (authority.empty() || !is_authority(authority)) return false;
    } else if (method == "CONNECT") {
      return is_authority(target);
    } else {
      return false;
    }
  }
  return has_good_escapes(path);
}

}  // namespace causeway::http
