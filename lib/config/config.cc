#include "config/config.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

#include "config/tree.h"
#include "json/json.h"

namespace causeway::config {
namespace {

using Kind = TreeNode::Kind;

// How a value is shown in a message: enough to find it, not enough to print a certificate.
constexpr size_t shown_bytes_max = 40;

std::string shown(const TreeNode& node) {
  switch (node.kind) {
    case Kind::null:
      return "null";
    case Kind::sequence:
      return "a list";
    case Kind::mapping:
      return "a mapping";
    default:
      break;
  }
  if (node.scalar.size() <= shown_bytes_max) return json::quote(node.scalar);
  size_t cut = shown_bytes_max;
  while (cut > 0 && (static_cast<unsigned char>(node.scalar[cut]) & 0xC0) == 0x80) --cut;
  return json::quote(node.scalar.substr(0, cut) + "...");
}

std::string joined(const std::string& path, std::string_view key) {
  if (path.empty()) return std::string(key);
  if (key.empty()) return path;
  return path + (key.front() == '[' ? "" : ".") + std::string(key);
}

std::string index_text(size_t index) { return "[" + std::to_string(index) + "]"; }

}  // namespace

std::string Problem::text() const {
  std::string text = file;
  if (line > 0) text.append(1, ':').append(std::to_string(line));
  text += ": ";
  if (!key.empty()) text.append(key).append(": ");
  return text + reason;
}

// One mapping as far as it was read. Owner: its parent, the root's: the File.
struct Section::State {
  File::State& file;
  const TreeNode* node;  // null: absent
  std::string path;
  int line = 0;
  std::set<std::string, std::less<>> read_keys = {};
  std::map<std::string, std::unique_ptr<State>, std::less<>> children = {};

  // The member's value, noted as read; null when absent or an explicit null.
  const TreeNode::Member* take(std::string_view key);
  const TreeNode::Member* find(std::string_view key) const {
    const TreeNode::Member* member = node == nullptr ? nullptr : node->member(key);
    return member != nullptr && member->value->kind != Kind::null ? member : nullptr;
  }
  State* child(const std::string& key, const TreeNode* child_node, int child_line);
  void refuse(const TreeNode::Member& member, std::string reason) {
    refuse(member.line, joined(path, member.key), std::move(reason));
  }
  void refuse(int at, std::string key, std::string reason);
  void collect_unknown(std::vector<std::string>& keys) const;
};

struct File::State {
  std::string name;
  Tree tree;
  std::vector<Problem> problems;
  std::unique_ptr<Section::State> root;
};

const TreeNode::Member* Section::State::take(std::string_view key) {
  read_keys.emplace(key);
  return find(key);
}

Section::State* Section::State::child(const std::string& key, const TreeNode* child_node,
                                      int child_line) {
  std::unique_ptr<State>& slot = children[key];
  if (!slot) slot.reset(new State{file, child_node, joined(path, key), child_line});
  return slot.get();
}

void Section::State::refuse(int at, std::string key, std::string reason) {
  file.problems.push_back({file.name, at, std::move(key), std::move(reason)});
}

void Section::State::collect_unknown(std::vector<std::string>& keys) const {
  if (node != nullptr) {
    for (const TreeNode::Member& member : node->members) {
      if (!read_keys.contains(member.key)) keys.push_back(joined(path, member.key));
    }
  }
  for (const auto& [key, state] : children) state->collect_unknown(keys);
}

bool Section::exists() const { return state_->node != nullptr; }

bool Section::has(std::string_view key) const { return state_->find(key) != nullptr; }

const std::string& Section::path() const { return state_->path; }

void Section::read(std::string_view key, bool& target) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return;
  const TreeNode& value = *member->value;
  const auto boolean = value.kind == Kind::plain || value.kind == Kind::boolean
                           ? boolean_of(value.scalar)
                           : std::nullopt;
  if (boolean) {
    target = *boolean;
  } else {
    state_->refuse(*member, "not true or false: " + shown(value));
  }
}

namespace {

// In JSON a number is not a string; in YAML quotes are optional.
bool is_string(const TreeNode& node) { return node.kind == Kind::text || node.kind == Kind::plain; }

std::string range_text(const Range& range) {
  if (range.min != INT64_MIN && range.max != INT64_MAX) {
    return "a number from " + std::to_string(range.min) + " to " + std::to_string(range.max);
  }
  if (range.min != INT64_MIN) return "a number of " + std::to_string(range.min) + " or more";
  if (range.max != INT64_MAX) return "a number of " + std::to_string(range.max) + " or less";
  return "a whole number";
}

}  // namespace

void Section::read(std::string_view key, std::string& target) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return;
  if (is_string(*member->value)) {
    target = member->value->scalar;
  } else {
    state_->refuse(*member, "not a string: " + shown(*member->value));
  }
}

void Section::read(std::string_view key, double& target) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return;
  const TreeNode& value = *member->value;
  const auto number = value.kind == Kind::plain || value.kind == Kind::number
                          ? number_of(value.scalar)
                          : std::nullopt;
  if (number) {
    target = *number;
  } else {
    state_->refuse(*member, "not a number: " + shown(value));
  }
}

bool Section::read_integer(std::string_view key, int64_t& value, Range range) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return false;
  const TreeNode& node = *member->value;
  const auto number = node.kind == Kind::plain || node.kind == Kind::number
                          ? integer_of(node.scalar)
                          : std::nullopt;
  if (!number || *number < range.min || *number > range.max) {
    state_->refuse(*member, "not " + range_text(range) + ": " + shown(node));
    return false;
  }
  value = *number;
  return true;
}

void Section::read(std::string_view key, Duration& target) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return;
  const TreeNode& node = *member->value;
  if (node.kind == Kind::plain || node.kind == Kind::number) {
    if (const auto nanoseconds = integer_of(node.scalar)) {
      if (*nanoseconds < 0) return state_->refuse(*member, "a negative duration: " + shown(node));
      target = Duration(*nanoseconds);
      return;
    }
  }
  if (!is_string(node)) return state_->refuse(*member, "not a duration: " + shown(node));
  const auto duration = parse_duration(node.scalar);
  if (!duration) return state_->refuse(*member, duration.error().detail + ": " + shown(node));
  target = *duration;
}

void Section::read(std::string_view key, std::vector<std::string>& target) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return;
  if (member->value->kind != Kind::sequence) {
    return state_->refuse(*member, "not a list of strings: " + shown(*member->value));
  }
  std::vector<std::string> strings;
  bool sound = true;
  for (size_t i = 0; i < member->value->items.size(); ++i) {
    const TreeNode& item = *member->value->items[i];
    if (is_string(item)) {
      strings.push_back(item.scalar);
    } else {
      sound = false;
      state_->refuse(item.line, joined(state_->path, member->key) + index_text(i),
                     "not a string: " + shown(item));
    }
  }
  if (sound) target = std::move(strings);
}

void Section::read(std::string_view key, std::vector<double>& target) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return;
  if (member->value->kind != Kind::sequence) {
    return state_->refuse(*member, "not a list of numbers: " + shown(*member->value));
  }
  std::vector<double> numbers;
  for (size_t i = 0; i < member->value->items.size(); ++i) {
    const TreeNode& item = *member->value->items[i];
    const auto number = item.kind == Kind::plain || item.kind == Kind::number
                            ? number_of(item.scalar)
                            : std::nullopt;
    if (!number) {
      return state_->refuse(item.line, joined(state_->path, member->key) + index_text(i),
                            "not a number: " + shown(item));
    }
    numbers.push_back(*number);
  }
  target = std::move(numbers);
}

void Section::read(std::string_view key, std::map<std::string, std::string>& target) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return;
  if (member->value->kind != Kind::mapping) {
    return state_->refuse(*member, "not a mapping of strings: " + shown(*member->value));
  }
  std::map<std::string, std::string> strings;
  bool sound = true;
  for (const TreeNode::Member& entry : member->value->members) {
    if (is_string(*entry.value)) {
      strings.emplace(entry.key, entry.value->scalar);
    } else {
      sound = false;
      state_->refuse(entry.line, joined(joined(state_->path, member->key), entry.key),
                     "not a string: " + shown(*entry.value));
    }
  }
  if (sound) target = std::move(strings);
}

void Section::read_choice(std::string_view key, std::string& target,
                          const std::vector<std::string>& choices) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return;
  const TreeNode& value = *member->value;
  if (is_string(value) &&
      std::find(choices.begin(), choices.end(), value.scalar) != choices.end()) {
    target = value.scalar;
    return;
  }
  std::string all;
  for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
  state_->refuse(*member, "not one of " + all + ": " + shown(value));
}

void Section::require(std::string_view key, std::string& target) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return problem(key, "is required");
  if (is_string(*member->value) && member->value->scalar.empty())
    return problem(key, "must not be empty");
  read(key, target);
}

Section Section::section(std::string_view key) {
  const TreeNode::Member* member = state_->take(key);
  const std::string name(key);
  if (member == nullptr) return Section(state_->child(name, nullptr, state_->line));
  const bool known = state_->children.contains(name);
  if (member->value->kind == Kind::mapping)
    return Section(state_->child(name, member->value, member->line));
  if (!known) state_->refuse(*member, "not a mapping: " + shown(*member->value));
  return Section(state_->child(name, nullptr, member->line));
}

std::vector<Section> Section::list(std::string_view key) {
  const TreeNode::Member* member = state_->take(key);
  if (member == nullptr) return {};
  if (member->value->kind != Kind::sequence) {
    state_->refuse(*member, "not a list: " + shown(*member->value));
    return {};
  }
  std::vector<Section> sections;
  for (size_t i = 0; i < member->value->items.size(); ++i) {
    const TreeNode& item = *member->value->items[i];
    const std::string name = member->key + index_text(i);
    if (item.kind == Kind::mapping) {
      sections.push_back(Section(state_->child(name, &item, item.line)));
    } else {
      state_->refuse(item.line, joined(state_->path, name), "not a mapping: " + shown(item));
    }
  }
  return sections;
}

void Section::problem(std::string_view key, std::string reason) {
  const TreeNode::Member* member = state_->node == nullptr ? nullptr : state_->node->member(key);
  state_->refuse(member == nullptr ? state_->line : member->line, joined(state_->path, key),
                 std::move(reason));
}

std::vector<std::string> Section::unknown_keys() const {
  std::vector<std::string> keys;
  state_->collect_unknown(keys);
  return keys;
}

std::string Section::json(std::string_view key) {
  const TreeNode::Member* member = state_->take(key);
  return member == nullptr ? std::string() : json_of(*member->value);
}

File::File() : state_(std::make_unique<State>()) {}
File::~File() = default;

Section File::root() { return Section(state_->root.get()); }

namespace {

void collect_values(const TreeNode& node, const std::string& path,
                    std::map<std::string, std::string>& values) {
  for (const TreeNode::Member& member : node.members) {
    const std::string name = joined(path, member.key);
    if (member.value->kind == Kind::mapping) {
      collect_values(*member.value, name, values);
    } else if (member.value->kind != Kind::null) {
      values[name] = json_of(*member.value);
    }
  }
}

}  // namespace

std::map<std::string, std::string> File::values() const {
  std::map<std::string, std::string> values;
  if (state_->tree.root != nullptr) collect_values(*state_->tree.root, "", values);
  return values;
}

const std::vector<Problem>& File::problems() const { return state_->problems; }

std::string File::problem_text() const {
  std::string text;
  for (const Problem& problem : state_->problems) text += problem.text() + "\n";
  return text;
}

namespace {

Result<Tree> parse_tree(std::string_view text, const std::string& name) {
  if (text.size() > file_bytes_max) {
    return Error{.fault = Fault::limit,
                 .detail = name + ": longer than " + std::to_string(file_bytes_max >> 20) + " MiB"};
  }
  if (name.ends_with(".json")) return parse_json_tree(text, name);
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return parse_yaml_tree(text, name);
  // Most likely JSON under another name, possibly a flow mapping of YAML: JSON's complaint is the
  // one to tell.
  auto as_json = parse_json_tree(text, name);
  if (as_json) return as_json;
  auto as_yaml = parse_yaml_tree(text, name);
  return as_yaml ? std::move(as_yaml) : std::move(as_json);
}

}  // namespace

Result<std::unique_ptr<File>> File::parse(std::string_view text, std::string name) {
  auto tree = parse_tree(text, name);
  if (!tree) return std::move(tree).error();
  const TreeNode* root = tree->root;
  if (root != nullptr && root->kind == Kind::null) root = nullptr;  // an empty file: all defaults
  if (root != nullptr && root->kind != Kind::mapping) {
    return file_error(name, root->line, "the file is not a mapping: " + shown(*root));
  }
  std::unique_ptr<File> file(new File());
  file->state_->name = std::move(name);
  file->state_->tree = std::move(tree).value();
  file->state_->root.reset(
      new Section::State{*file->state_, root, "", root == nullptr ? 0 : root->line});
  return file;
}

namespace {

struct Descriptor {
  int fd;
  explicit Descriptor(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Error read_error(const std::string& path, int os) {
  return Error{.fault = fault_of_errno(os), .os = os, .detail = path + ": cannot be read"};
}

}  // namespace

Result<std::unique_ptr<File>> File::read(const std::string& path) {
  const Descriptor descriptor(path);
  if (descriptor.fd < 0) return read_error(path, errno);
  std::string text;
  char piece[16 * 1024];
  while (text.size() <= file_bytes_max) {
    const ssize_t n = ::read(descriptor.fd, piece, sizeof(piece));
    if (n == 0) break;
    if (n > 0) {
      text.append(piece, static_cast<size_t>(n));
    } else if (errno != EINTR) {
      return read_error(path, errno);
    }
  }
  return parse(text, path);
}

}  // namespace causeway::config
