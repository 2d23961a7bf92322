#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// How pages go through an index: shard by shard, through entries "DOMAIN/GUID" in the order of
// their bytes. Cursors are "SHARD:ENTRY", which means behind that entry; "" is the beginning as a
// cursor of a query, the end as one of a page. Pure functions.
namespace causeway::store {

struct PagePlace {
  size_t shard = 0;
  std::string after;  // "": before the shard's first entry
};
PagePlace parse_cursor(const std::string& cursor);
std::string cursor_behind(size_t shard, std::string_view entry);
// At the end of a shard: the beginning of the next one.
std::string cursor_behind_shard(size_t shard, size_t shards);

// How a process or task is called in an index.
std::string index_member(std::string_view domain, std::string_view guid);
// Domain and guid.
std::pair<std::string_view, std::string_view> split_member(std::string_view entry);

bool starts_with_one_of(std::string_view guid, const std::vector<std::string>& prefixes);

}  // namespace causeway::store
