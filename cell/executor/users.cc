#include "cell/executor/users.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "cell/runtime/runtime.h"

namespace causeway::executor {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t start = 0;;) {
    const size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end == std::string_view::npos ? end : end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

std::optional<uint32_t> number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<User> find_user(std::string_view wanted, std::string_view passwd, std::string_view group) {
  const std::optional<uint32_t> wanted_uid = number(wanted);
  std::optional<User> user;
  for (const std::string_view line : split(passwd, '\n')) {
    const std::vector<std::string_view> fields =
        split(line, ':');  // name:password:uid:gid:comment:home:shell
    if (fields.size() < 6) continue;
    const auto uid = number(fields[2]);
    const auto gid = number(fields[3]);
    if (!uid || !gid || (fields[0] != wanted && uid != wanted_uid)) continue;
    user = User{
        std::string(fields[0]), *uid, *gid, {}, std::string(fields[5].empty() ? "/" : fields[5])};
    break;
  }
  if (!user && wanted_uid) user = User{std::string(wanted), *wanted_uid, *wanted_uid, {}, "/"};
  if (!user && wanted == "root") user = User{"root", 0, 0, {}, "/root"};
  if (!user)
    return Error{.fault = Fault::not_found,
                 .detail = "unknown user \"" + std::string(wanted) + "\""};
  for (const std::string_view line : split(group, '\n')) {
    const std::vector<std::string_view> fields = split(line, ':');  // name:password:gid:members
    if (fields.size() < 4) continue;
    const auto gid = number(fields[2]);
    const std::vector<std::string_view> members = split(fields[3], ',');
    if (gid && std::find(members.begin(), members.end(), user->name) != members.end())
      user->groups.push_back(*gid);
  }
  return *user;
}

Result<User> find_user_of(runtime::Runtime& runtime, const std::string& handle,
                          std::string_view wanted) {
  constexpr size_t bytes_max = 1u << 20;
  const auto read = [&](const char* path) {
    return runtime.read_file(handle, path, bytes_max).value_or("");
  };
  return find_user(wanted, read("/etc/passwd"), read("/etc/group"));
}

}  // namespace causeway::executor
