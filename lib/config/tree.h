#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// What YAML and JSON files have in common once they are parsed. Of this folder only.
namespace causeway::config {

inline constexpr size_t file_bytes_max = 4u << 20;
inline constexpr int depth_max = 64;
inline constexpr size_t values_max = 200'000;
// What the values would take when every alias were written out: json() and the walk for unknown
// keys stay bounded.
inline constexpr size_t expanded_bytes_max = 64u << 20;

struct TreeNode {
  // plain: a YAML scalar without quotes, whose type depends on who reads it. JSON has text, number
  // and boolean.
  enum class Kind : uint8_t { null, plain, text, number, boolean, sequence, mapping };
  struct Member {
    std::string key;
    int line = 0;
    const TreeNode* value = nullptr;
  };

  Kind kind = Kind::null;
  int line = 0;
  int depth = 1;  // levels below and including this one
  size_t expanded_bytes = 8;
  std::string scalar;
  std::vector<const TreeNode*> items;
  std::vector<Member> members;

  bool is_scalar() const {
    return kind != Kind::null && kind != Kind::sequence && kind != Kind::mapping;
  }
  const Member* member(std::string_view key) const;
};

// The nodes of one file; a node may be reached by several ways (aliases).
struct Tree {
  std::deque<TreeNode> nodes;
  const TreeNode* root = nullptr;  // null: an empty file

  // Null when there would be too many.
  TreeNode* add(TreeNode::Kind kind, int line);
};

// `name`:line: reason
Error file_error(const std::string& name, int line, std::string_view reason);

Result<Tree> parse_yaml_tree(std::string_view text, const std::string& name);
Result<Tree> parse_json_tree(std::string_view text, const std::string& name);

// The first key that a mapping has twice.
const TreeNode::Member* repeated_member(const TreeNode& mapping);

// Go's strconv.ParseInt(text, 0, 64), signs, prefixes and underscores included.
std::optional<int64_t> integer_of(std::string_view text);
std::optional<double> number_of(std::string_view text);
std::optional<bool> boolean_of(std::string_view text);

// Compact JSON; plain scalars become what YAML's core schema says they are.
std::string json_of(const TreeNode& node);

}  // namespace causeway::config
