#include "config/tree.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "json/json.h"

namespace causeway::config {

const TreeNode::Member* TreeNode::member(std::string_view key) const {
  for (const Member& candidate : members) {
    if (candidate.key == key) return &candidate;
  }
  return nullptr;
}

TreeNode* Tree::add(TreeNode::Kind kind, int line) {
  if (nodes.size() >= values_max) return nullptr;
  TreeNode& node = nodes.emplace_back();
  node.kind = kind;
  node.line = line;
  return &node;
}

Error file_error(const std::string& name, int line, std::string_view reason) {
  std::string detail = name;
  if (line > 0) detail.append(1, ':').append(std::to_string(line));
  detail.append(": ").append(reason);
  return Error{.fault = Fault::invalid, .detail = std::move(detail)};
}

const TreeNode::Member* repeated_member(const TreeNode& mapping) {
  std::vector<const TreeNode::Member*> sorted;
  sorted.reserve(mapping.members.size());
  for (const TreeNode::Member& member : mapping.members) sorted.push_back(&member);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* left, const auto* right) { return left->key < right->key; });
  const auto twice = std::adjacent_find(
      sorted.begin(), sorted.end(),
      [](const auto* left, const auto* right) { return left->key == right->key; });
  return twice == sorted.end() ? nullptr : *(twice + 1);
}

namespace {

struct JsonWalk {
  Tree& tree;
  const std::vector<int>& lines;
  size_t next_line = 0;
  std::string reason;  // set once: why the file is refused
  int reason_line = 0;

  const TreeNode* walk(json::Node from) {
    const int line = lines[next_line++];
    TreeNode* node = tree.add(TreeNode::Kind::null, line);
    if (node == nullptr) return refuse(line, "more than " + std::to_string(values_max) + " values");
    switch (from.kind()) {
      case json::Kind::null:
        break;
      case json::Kind::boolean:
        scalar(*node, TreeNode::Kind::boolean, from.text());
        break;
      case json::Kind::number:
        scalar(*node, TreeNode::Kind::number, from.text());
        break;
      case json::Kind::string:
        scalar(*node, TreeNode::Kind::text, std::string(*from.string()));
        break;
      case json::Kind::array:
        node->kind = TreeNode::Kind::sequence;
        for (size_t i = 0; i < from.size() && reason.empty(); ++i)
          node->items.push_back(walk(from.at(i)));
        break;
      case json::Kind::object:
        mapping(*node, from);
        break;
    }
    return node;
  }

  void scalar(TreeNode& node, TreeNode::Kind kind, std::string text) {
    node.kind = kind;
    node.scalar = std::move(text);
  }

  void mapping(TreeNode& node, json::Node from) {
    node.kind = TreeNode::Kind::mapping;
    for (size_t i = 0; i < from.size() && reason.empty(); ++i) {
      const TreeNode* value = walk(from.at(i));
      if (value != nullptr) node.members.push_back({std::string(from.key(i)), value->line, value});
    }
    if (!reason.empty()) return;
    if (const auto* twice = repeated_member(node))
      refuse(twice->line, "key " + json::quote(twice->key) + " is repeated");
  }

  const TreeNode* refuse(int line, std::string why) {
    if (reason.empty()) {
      reason = std::move(why);
      reason_line = line;
    }
    return nullptr;
  }
};

}  // namespace

Result<Tree> parse_json_tree(std::string_view text, const std::string& name) {
  std::vector<int> lines;
  const auto document =
      json::Document::parse(text, {.bytes_max = file_bytes_max, .depth_max = depth_max}, lines);
  if (!document) {
    // "line 3, column 4: reason" becomes "name:3: column 4: reason".
    const std::string_view detail = document.error().detail;
    const size_t comma = detail.find(", ");
    if (!detail.starts_with("line ") || comma == std::string_view::npos)
      return file_error(name, 0, detail);
    const std::string_view line = detail.substr(5, comma - 5);
    return file_error(name + ":" + std::string(line), 0, detail.substr(comma + 2));
  }
  Tree tree;
  JsonWalk walk{tree, lines, 0, {}, 0};
  tree.root = walk.walk(document->root());
  if (!walk.reason.empty()) return file_error(name, walk.reason_line, walk.reason);
  return tree;
}

namespace {

struct Digits {
  bool negative = false;
  int base = 10;
  std::string text;  // without sign, prefix and underscores
};

std::optional<Digits> digits_of(std::string_view text) {
  Digits digits;
  if (text.starts_with('-') || text.starts_with('+')) {
    digits.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const auto prefix = [&text](std::string_view lower, std::string_view upper) {
    return text.starts_with(lower) || text.starts_with(upper);
  };
  if (prefix("0x", "0X")) {
    digits.base = 16;
  } else if (prefix("0o", "0O")) {
    digits.base = 8;
  } else if (prefix("0b", "0B")) {
    digits.base = 2;
  }
  if (digits.base != 10) {
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    digits.base = 8;
  }
  if (text.empty() || text.front() == '_' || text.back() == '_') return std::nullopt;
  for (const char c : text) {
    if (c != '_') digits.text += c;
  }
  return digits;
}

}  // namespace

std::optional<int64_t> integer_of(std::string_view text) {
  const std::optional<Digits> digits = digits_of(text);
  if (!digits) return std::nullopt;
  uint64_t magnitude = 0;
  const char* end = digits->text.data() + digits->text.size();
  const auto [stop, error] = std::from_chars(digits->text.data(), end, magnitude, digits->base);
  if (error != std::errc() || stop != end) return std::nullopt;
  constexpr uint64_t positive_max = INT64_MAX;
  if (magnitude > positive_max + (digits->negative ? 1 : 0)) return std::nullopt;
  return static_cast<int64_t>(digits->negative ? uint64_t{0} - magnitude : magnitude);
}

std::optional<double> number_of(std::string_view text) {
  if (const auto integer = integer_of(text)) return static_cast<double>(*integer);
  if (text.starts_with('+')) text.remove_prefix(1);
  // "inf" and "nan" are words, not numbers.
  if (text.empty() || text.find_first_of("0123456789") == std::string_view::npos)
    return std::nullopt;
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::optional<bool> boolean_of(std::string_view text) {
  for (const std::string_view word :
       {"true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON"}) {
    if (text == word) return true;
  }
  for (const std::string_view word :
       {"false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "Off", "OFF"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

namespace {

void write_plain(json::Writer& writer, const std::string& text) {
  if (const auto integer = integer_of(text)) {
    writer.value(*integer);
  } else if (const auto number = number_of(text)) {
    writer.value(*number);
  } else if (text == "true" || text == "True" || text == "TRUE") {
    writer.value(true);
  } else if (text == "false" || text == "False" || text == "FALSE") {
    writer.value(false);
  } else {
    writer.value(text);
  }
}

void write_node(json::Writer& writer, const TreeNode& node) {
  switch (node.kind) {
    case TreeNode::Kind::null:
      writer.null();
      break;
    case TreeNode::Kind::plain:
      write_plain(writer, node.scalar);
      break;
    case TreeNode::Kind::text:
      writer.value(node.scalar);
      break;
    case TreeNode::Kind::number:
    case TreeNode::Kind::boolean:
      writer.raw(node.scalar);
      break;
    case TreeNode::Kind::sequence:
      writer.array();
      for (const TreeNode* item : node.items) write_node(writer, *item);
      writer.end();
      break;
    case TreeNode::Kind::mapping:
      writer.object();
      for (const TreeNode::Member& member : node.members) {
        writer.key(member.key);
        write_node(writer, *member.value);
      }
      writer.end();
      break;
  }
}

}  // namespace

std::string json_of(const TreeNode& node) {
  json::Writer writer;
  write_node(writer, node);
  return writer.take();
}

}  // namespace causeway::config
