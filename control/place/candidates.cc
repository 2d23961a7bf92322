#include "control/place/candidates.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"

namespace causeway::place {

namespace {

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool all_in(const std::vector<std::string>& some, const std::vector<std::string>& list) {
  return std::all_of(some.begin(), some.end(),
                     [&](const std::string& text) { return contains(list, text); });
}

bool tags_match(const cf::CellState& cell, const std::vector<std::string>& wanted) {
  return all_in(cell.placement_tags, wanted) &&
         std::all_of(wanted.begin(), wanted.end(), [&](const std::string& tag) {
           return contains(cell.placement_tags, tag) || contains(cell.optional_placement_tags, tag);
         });
}

std::string tags_reason(const std::vector<std::string>& tags) {
  if (tags.empty()) return "found no compatible cell with no placement tags";
  std::string reason = "found no compatible cell with placement tag(s) ";
  for (size_t i = 0; i < tags.size(); ++i) reason += (i == 0 ? "\"" : ", \"") + tags[i] + "\"";
  return reason;
}

}  // namespace

Match match(const cf::CellState& cell, const cf::Demand& demand) {
  if (!cf::provides_root_fs(cell.root_fs_providers, demand.root_fs)) return Match::wrong_root_fs;
  if (!all_in(demand.volume_drivers, cell.volume_drivers)) return Match::wrong_drivers;
  if (!tags_match(cell, demand.placement_tags)) return Match::wrong_tags;
  return Match::fits;
}

std::string mismatch_reason(Match furthest, const cf::Demand& demand) {
  switch (furthest) {
    case Match::wrong_root_fs:
      return "found no compatible cell for required rootfs";
    case Match::wrong_drivers:
      return "found no compatible cell with required volume drivers";
    case Match::wrong_tags:
      return tags_reason(demand.placement_tags);
    case Match::fits:
      break;
  }
  check_failed(__FILE__, __LINE__, "a demand that fits has no mismatch");
}

}  // namespace causeway::place
