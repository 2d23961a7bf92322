#include "cf/wire/json_fields.h"

#include <utility>

namespace causeway::cf {

void WireFault::note(std::string_view path, std::string_view key, std::string_view reason) {
  if (detail_) return;
  std::string field = std::string(path) + std::string(key);
  if (field.ends_with('.')) field.pop_back();
  detail_ = field.empty() ? std::string(reason) : field + ": " + std::string(reason);
}

Error WireFault::error() const {
  return {.fault = Fault::invalid, .side = Side::client, .detail = detail_.value_or("")};
}

JsonFields::JsonFields(json::Node object, std::string path, WireFault& fault)
    : object_(object), path_(std::move(path)), fault_(fault) {
  if (!path_.empty()) path_ += '.';
  if (object_.exists() && !object_.is_null() && !object_.is_object()) note("", "not an object");
}

json::Node JsonFields::node(std::string_view key, std::string_view other_key) const {
  if (!object_.is_object()) return {};
  const json::Node found = object_[key];
  if (found.exists() || other_key.empty()) return found;
  return object_[other_key];
}

bool JsonFields::has(std::string_view key) const {
  const json::Node found = node(key);
  return found.exists() && !found.is_null();
}

void JsonFields::read(std::string_view key, std::string& target, std::string_view other_key) const {
  const json::Node found = node(key, other_key);
  if (!found.exists() || found.is_null()) return;
  if (const auto text = found.string()) {
    target = *text;
  } else {
    note(key, "not a string");
  }
}

void JsonFields::read(std::string_view key, int32_t& target, std::string_view other_key) const {
  const json::Node found = node(key, other_key);
  if (!found.exists() || found.is_null()) return;
  const auto number = found.integer();
  if (!number) {
    note(key, found.is_number() ? "not a whole number of 32 bits" : "not a number");
  } else if (*number < INT32_MIN || *number > INT32_MAX) {
    note(key, "not a whole number of 32 bits");
  } else {
    target = static_cast<int32_t>(*number);
  }
}

void JsonFields::read(std::string_view key, bool& target) const {
  const json::Node found = node(key);
  if (!found.exists() || found.is_null()) return;
  if (const auto truth = found.boolean()) {
    target = *truth;
  } else {
    note(key, "not true or false");
  }
}

void JsonFields::read(std::string_view key, std::vector<std::string>& target,
                      std::string_view other_key) const {
  const json::Node found = node(key, other_key);
  if (!found.exists() || found.is_null()) return;
  if (!found.is_array()) return note(key, "not a list");
  target.clear();
  for (size_t i = 0; i < found.size(); ++i) {
    const auto text = found.at(i).string();
    if (!text) return note(std::string(key) + "[" + std::to_string(i) + "]", "not a string");
    target.emplace_back(*text);
  }
}

void JsonFields::read(std::string_view key, std::map<std::string, std::string>& target) const {
  const json::Node found = mapping(key);
  for (size_t i = 0; i < found.size(); ++i) {
    const auto text = found.at(i).string();
    if (!text) return note(std::string(key) + "." + std::string(found.key(i)), "not a string");
    target.insert_or_assign(std::string(found.key(i)), std::string(*text));
  }
}

JsonFields JsonFields::object(std::string_view key) const {
  return {node(key), path_ + std::string(key), fault_};
}

json::Node JsonFields::array(std::string_view key) const {
  const json::Node found = node(key);
  if (!found.exists() || found.is_null()) return {};
  if (found.is_array()) return found;
  note(key, "not a list");
  return {};
}

json::Node JsonFields::mapping(std::string_view key) const {
  const json::Node found = node(key);
  if (!found.exists() || found.is_null()) return {};
  if (found.is_object()) return found;
  note(key, "not an object");
  return {};
}

std::string JsonFields::element_path(std::string_view key, size_t index) const {
  return path_ + std::string(key) + "[" + std::to_string(index) + "]";
}

std::optional<int64_t> JsonFields::whole(std::string_view key, int64_t least, int64_t most) const {
  const json::Node found = node(key);
  if (!found.exists() || found.is_null()) return std::nullopt;
  const std::optional<int64_t> number = found.integer();
  if (number && *number >= least && *number <= most) return number;
  note(key, found.is_number() ? "out of range" : "not a number");
  return std::nullopt;
}

}  // namespace causeway::cf
