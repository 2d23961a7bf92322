#include "cf/wire/cell_brief.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "json/json.h"

namespace causeway::cf {
namespace {

constexpr size_t depth_max = 64;  // as a Document's

struct StringMember {
  std::string_view key;
  std::string CellState::*target;
};
constexpr StringMember string_members[] = {
    {"rep_url", &CellState::rep_url},
    {"cell_id", &CellState::cell_id},
    {"Zone", &CellState::zone},
};
struct NumberMember {
  std::string_view key;
  int32_t CellState::*target;
};
constexpr NumberMember number_members[] = {
    {"cell_index", &CellState::cell_index},
    {"StartingContainerCount", &CellState::starting_containers},
    {"ProxyMemoryAllocationMB", &CellState::proxy_memory_mb},
};
struct ListMember {
  std::string_view key;
  std::vector<std::string> CellState::*target;
};
constexpr ListMember list_members[] = {
    {"VolumeDrivers", &CellState::volume_drivers},
    {"PlacementTags", &CellState::placement_tags},
    {"OptionalPlacementTags", &CellState::optional_placement_tags},
};
struct ResourcesMember {
  std::string_view key;
  CellResources CellState::*target;
};
constexpr ResourcesMember resources_members[] = {
    {"AvailableResources", &CellState::available},
    {"TotalResources", &CellState::total},
};

template <class Members>
auto* find_member(const Members& members, std::string_view key) {
  const auto* found = std::find_if(std::begin(members), std::end(members),
                                   [key](const auto& member) { return member.key == key; });
  return found == std::end(members) ? nullptr : found;
}

// Is told the state as it is read. Stops at whatever is not as a rep writes it. A value for one
// parse_cell_brief().
class BriefReader final : public json::Visitor {
 public:
  explicit BriefReader(CellBrief& brief) : brief_(brief), state_(brief.facts) {}

  bool on_begin(json::Kind kind) override {
    ++depth_;
    if (depth_ > depth_max) return false;
    if (depth_ == 1) return kind == json::Kind::object;
    if (depth_ == 2) return begin_member(kind);
    if (depth_ == 3 && (place_ == Place::lrps || place_ == Place::tasks)) {
      if (kind != json::Kind::object) return false;
      has_guid_ = false;
      if (place_ == Place::tasks) {
        ++brief_.tasks;
      } else {
        brief_.processes.emplace_back();
      }
      return true;
    }
    if (place_ == Place::providers) return kind == json::Kind::object;
    if (wants_guid_ && place_ == Place::lrps) return false;
    // Inside what is not looked at, or inside an instance.
    return place_ == Place::lrps || place_ == Place::tasks || place_ == Place::other;
  }
  bool on_end() override {
    --depth_;
    if (depth_ == 1) place_ = Place::members;
    if (depth_ == 2 && place_ == Place::providers) return end_provider();
    return true;
  }

  bool on_key(std::string_view key) override {
    switch (place_) {
      case Place::members:
        key_.assign(key);
        return note_member();
      case Place::resources:
        key_.assign(key);
        return true;
      case Place::lrps:
        wants_guid_ = depth_ == 3 && key == "process_guid";
        return true;
      case Place::providers:
        return on_provider_key(key);
      default:
        return true;
    }
  }

  bool on_string(std::string_view text) override {
    if (depth_ == 0) return false;
    switch (place_) {
      case Place::members: {
        const auto* member = find_member(string_members, key_);
        if (member != nullptr) (state_.*member->target).assign(text);
        return member != nullptr || is_free();
      }
      case Place::strings:
        strings_->emplace_back(text);
        return true;
      case Place::lrps:
        return depth_ > 2 && take_guid(text);
      case Place::providers:
        if (depth_ != 3 || key_ != "type") return false;
        type_.assign(text);
        return true;
      case Place::resources:
        return false;
      default:
        return depth_ > 2 || place_ == Place::other;
    }
  }
  bool on_number(std::string_view text) override {
    if (depth_ == 0) return false;
    if (place_ == Place::members) {
      const auto* member = find_member(number_members, key_);
      return member != nullptr ? read(text, state_.*member->target) : is_free();
    }
    if (place_ == Place::resources) {
      if (key_ == "MemoryMB") return read(text, resources_->memory_mb);
      if (key_ == "DiskMB") return read(text, resources_->disk_mb);
      return key_ == "Containers" ? read(text, resources_->containers) : true;
    }
    return on_passed_over();
  }
  bool on_boolean(bool value) override {
    if (depth_ == 0) return false;
    if (place_ != Place::members) return on_passed_over();
    if (key_ != "Evacuating") return is_free();
    state_.is_evacuating = value;
    return true;
  }
  // A null leaves what it stands for as it is.
  bool on_other() override { return depth_ > 0 && (place_ == Place::members || on_passed_over()); }

 private:
  enum class Place : uint8_t {
    members,    // of the state
    resources,  // of one of its CellResources
    strings,    // of one of its lists
    providers,
    lrps,
    tasks,
    other,  // what nobody looks at
  };

  bool begin_member(json::Kind kind) {
    const bool is_array = kind == json::Kind::array;
    if (const auto* list = find_member(list_members, key_)) {
      place_ = Place::strings;
      strings_ = &(state_.*list->target);
      return is_array;
    }
    if (const auto* resources = find_member(resources_members, key_)) {
      place_ = Place::resources;
      resources_ = &(state_.*resources->target);
      return !is_array;
    }
    if (key_ == "LRPs" || key_ == "Tasks") {
      place_ = key_ == "LRPs" ? Place::lrps : Place::tasks;
      return is_array;
    }
    if (key_ == "RootFSProviders") {
      place_ = Place::providers;
      return !is_array;
    }
    place_ = Place::other;
    return is_free();
  }

  // A member that comes twice is for the thorough reader.
  bool note_member() {
    unsigned number = 0, mine = 64;
    const auto look = [&](std::string_view key) {
      if (key == key_) mine = number;
      ++number;
    };
    for (const auto& member : string_members) look(member.key);
    for (const auto& member : number_members) look(member.key);
    for (const auto& member : list_members) look(member.key);
    for (const auto& member : resources_members) look(member.key);
    for (const std::string_view key : {"LRPs", "Tasks", "RootFSProviders", "Evacuating"}) look(key);
    is_known_ = mine < 64;
    if (!is_known_) return true;
    const uint32_t bit = uint32_t{1} << mine;
    if ((seen_ & bit) != 0) return false;
    seen_ |= bit;
    return true;
  }
  // The present member is none of ours, so it may be of any kind.
  bool is_free() const { return !is_known_; }

  bool take_guid(std::string_view text) {
    if (depth_ > 3 || !std::exchange(wants_guid_, false)) return true;
    if (std::exchange(has_guid_, true)) return false;
    brief_.processes.back().assign(text);
    return true;
  }

  // "preloaded": {"type": "fixed_set", "set": {"cflinuxfs4": {}}}
  bool on_provider_key(std::string_view key) {
    if (depth_ == 2) {
      scheme_.assign(key);
      provider_ = {};
      type_.clear();
      return !state_.root_fs_providers.contains(scheme_);
    }
    if (depth_ == 3) {
      key_.assign(key);
      return true;
    }
    if (depth_ == 4 && key_ == "set") provider_.names.emplace(key);
    return true;
  }
  bool end_provider() {
    provider_.is_arbitrary = type_ == "arbitrary";
    if (provider_.is_arbitrary) provider_.names.clear();
    if (!provider_.is_arbitrary && type_ != "fixed_set") return false;
    state_.root_fs_providers.emplace(std::move(scheme_), std::move(provider_));
    return true;
  }

  // A value inside something: is that of no interest?
  bool on_passed_over() {
    switch (place_) {
      case Place::lrps:
        if (depth_ == 3 && std::exchange(wants_guid_, false)) return false;
        return depth_ > 2;
      case Place::tasks:
        return depth_ > 2;
      case Place::other:
        return true;
      default:
        return false;
    }
  }

  static bool read(std::string_view text, int32_t& target) {
    const char* const end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, target);
    return failed == std::errc{} && rest == end;
  }

  CellBrief& brief_;
  CellState& state_;
  size_t depth_ = 0;
  Place place_ = Place::members;
  std::string key_;
  bool is_known_ = false;
  uint32_t seen_ = 0;
  std::vector<std::string>* strings_ = nullptr;
  CellResources* resources_ = nullptr;
  bool wants_guid_ = false, has_guid_ = false;
  std::string scheme_, type_;
  RootFsProvider provider_;
};

}  // namespace

CellBrief brief_of(CellState state) {
  CellBrief brief;
  brief.processes.reserve(state.lrps.size());
  for (LrpWork& lrp : state.lrps) brief.processes.push_back(std::move(lrp.process_guid));
  brief.tasks = static_cast<int64_t>(state.tasks.size());
  state.lrps.clear();
  state.tasks.clear();
  brief.facts = std::move(state);
  return brief;
}

Result<CellBrief> parse_cell_brief(std::string_view json) {
  CellBrief brief;
  BriefReader reader(brief);
  if (json::visit(json, reader)) return brief;
  auto state = parse_cell_state(json);
  if (!state) return std::move(state).error();
  return brief_of(std::move(*state));
}

}  // namespace causeway::cf
