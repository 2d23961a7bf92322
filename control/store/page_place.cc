#include "control/store/page_place.h"

#include <algorithm>
#include <charconv>

namespace causeway::store {

PagePlace parse_cursor(const std::string& cursor) {
  PagePlace place;
  const size_t colon = cursor.find(':');
  if (colon == std::string::npos) return place;
  std::from_chars(cursor.data(), cursor.data() + colon, place.shard);
  place.after = cursor.substr(colon + 1);
  return place;
}

std::string cursor_behind(size_t shard, std::string_view entry) {
  std::string cursor = std::to_string(shard) + ":";
  cursor += entry;
  return cursor;
}

std::string cursor_behind_shard(size_t shard, size_t shards) {
  return shard + 1 < shards ? cursor_behind(shard + 1, "") : "";
}

std::string index_member(std::string_view domain, std::string_view guid) {
  std::string member(domain);
  member += '/';
  member += guid;
  return member;
}

std::pair<std::string_view, std::string_view> split_member(std::string_view entry) {
  const size_t slash = entry.rfind('/');
  if (slash == std::string_view::npos) return {"", entry};
  return {entry.substr(0, slash), entry.substr(slash + 1)};
}

bool starts_with_one_of(std::string_view guid, const std::vector<std::string>& prefixes) {
  return prefixes.empty() ||
         std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string& prefix) { return guid.starts_with(prefix); });
}

}  // namespace causeway::store
