#pragma once

// Internal to lib/cf/wire.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace causeway::cf {

// The first thing found wrong in a JSON message, naming its field: "LRPs[2].MemoryMB: not a
// number". Shared by all readers of one message. Reading goes on after it, so that readers need no
// checks in between.
class WireFault {
 public:
  void note(std::string_view path, std::string_view key, std::string_view reason);
  bool is_empty() const { return !detail_; }
  Error error() const;

 private:
  std::optional<std::string> detail_;
};

// Reads the members of one JSON object as Go's decoder does: absent and null leave the zero value,
// another kind is a fault. A value.
class JsonFields {
 public:
  // A node that is no object is a fault ("LRPs[2]: not an object").
  JsonFields(json::Node object, std::string path, WireFault& fault);

  // `other_key`: another spelling seen on the wire.
  void read(std::string_view key, std::string& target, std::string_view other_key = {}) const;
  void read(std::string_view key, int32_t& target, std::string_view other_key = {}) const;
  void read(std::string_view key, bool& target) const;
  void read(std::string_view key, std::vector<std::string>& target,
            std::string_view other_key = {}) const;
  void read(std::string_view key, std::map<std::string, std::string>& target) const;

  // A whole number of the range of `Integer`.
  template <class Integer>
  void read_whole(std::string_view key, Integer& target) const {
    const int64_t least = int64_t{std::numeric_limits<Integer>::min()};
    const int64_t most = int64_t{std::numeric_limits<Integer>::max()};
    if (const auto number = whole(key, least, most)) target = static_cast<Integer>(*number);
  }

  bool has(std::string_view key) const;
  JsonFields object(std::string_view key) const;  // absent: empty
  // Calls visit(JsonFields) for each element of an array.
  template <class Visit>
  void each(std::string_view key, Visit visit) const {
    const json::Node list = array(key);
    for (size_t i = 0; i < list.size(); ++i)
      visit(JsonFields(list.at(i), element_path(key, i), fault_));
  }
  // Calls visit(name, JsonFields) for each member of an object.
  template <class Visit>
  void each_member(std::string_view key, Visit visit) const {
    const json::Node members = mapping(key);
    for (size_t i = 0; i < members.size(); ++i) {
      const std::string name(members.key(i));
      visit(name, JsonFields(members.at(i), path_ + std::string(key) + "." + name, fault_));
    }
  }

  json::Node node(std::string_view key, std::string_view other_key = {}) const;
  void note(std::string_view key, std::string_view reason) const {
    fault_.note(path_, key, reason);
  }
  WireFault& fault() const { return fault_; }

 private:
  // Nothing when it is absent, null or noted as a fault.
  std::optional<int64_t> whole(std::string_view key, int64_t least, int64_t most) const;
  json::Node array(std::string_view key) const;
  json::Node mapping(std::string_view key) const;
  std::string element_path(std::string_view key, size_t index) const;

  json::Node object_;
  std::string path_;  // empty, or ends with "."
  WireFault& fault_;
};

// Writes the members of one JSON object, leaving out what has its zero value. Used during one call;
// the writer outlives it.
class SparseMembers {
 public:
  explicit SparseMembers(json::Writer& writer) : writer_(writer) {}
  void text(std::string_view key, const std::string& value) {
    if (!value.empty()) writer_.member(key, std::string_view(value));
  }
  template <class Number>
  void number(std::string_view key, Number value) {
    if (value != 0) writer_.member(key, value);
  }

 private:
  json::Writer& writer_;
};

}  // namespace causeway::cf
