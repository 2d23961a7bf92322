#include <algorithm>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "base/check.h"
#include "base/utf8.h"
#include "config/tree.h"

namespace causeway::config {
namespace {

using Kind = TreeNode::Kind;

constexpr std::string_view core_tag = "tag:yaml.org,2002:";

// Builds the tree from yaml-cpp's events and stops it, by its own exception, at our bounds.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Tree& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    TreeNode& node = add(mark, Kind::null);
    remember(anchor, node);
    place(mark, node);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const TreeNode* node = anchor < anchors_.size() ? anchors_[anchor] : nullptr;
    if (node == nullptr) refuse(mark, "an alias inside of what it stands for");
    place(mark, *node);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    TreeNode& node = add(mark, scalar_kind(mark, tag));
    node.expanded_bytes += value.size();
    node.scalar = value;
    remember(anchor, node);
    place(mark, node);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "seq");
    open(mark, Kind::sequence, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check_tag(mark, tag, "map");
    open(mark, Kind::mapping, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    TreeNode* node;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    bool key_waits = false;  // the last member has no value yet
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, const std::string& reason) {
    throw YAML::ParserException(mark, reason);
  }

  static Kind scalar_kind(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?") return Kind::plain;
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return Kind::text;
    for (const std::string_view plain : {"int", "float", "bool"}) {
      if (tag == std::string(core_tag).append(plain)) return Kind::plain;
    }
    refuse(mark, "a tag that is not supported");
  }

  static void check_tag(const YAML::Mark& mark, const std::string& tag, std::string_view own) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    if (tag != std::string(core_tag).append(own)) refuse(mark, "a tag that is not supported");
  }

  TreeNode& add(const YAML::Mark& mark, Kind kind) {
    TreeNode* node = tree_.add(kind, mark.line + 1);
    if (node == nullptr) refuse(mark, "more than " + std::to_string(values_max) + " values");
    return *node;
  }

  void remember(YAML::anchor_t anchor, const TreeNode& node) {
    if (anchor == 0) return;
    // yaml-cpp numbers anchors from 1 on, in order of appearance.
    if (anchors_.size() <= anchor) anchors_.resize(anchor + 1, nullptr);
    anchors_[anchor] = &node;
  }

  void open(const YAML::Mark& mark, Kind kind, YAML::anchor_t anchor) {
    if (open_.size() >= static_cast<size_t>(depth_max)) refuse_depth(mark);
    open_.push_back({&add(mark, kind), mark, anchor});
  }

  void close() {
    CHECK(!open_.empty());
    const Open closed = open_.back();
    open_.pop_back();
    if (const auto* twice = repeated_member(*closed.node)) {
      YAML::Mark mark = closed.mark;
      mark.line = twice->line - 1;
      refuse(mark, "key \"" + twice->key + "\" is repeated");
    }
    remember(closed.anchor, *closed.node);
    place(closed.mark, *closed.node);
  }

  // Puts a complete node where it belongs: into the innermost open collection.
  void place(const YAML::Mark& mark, const TreeNode& node) {
    if (open_.empty()) {
      tree_.root = &node;
      return;
    }
    Open& inner = open_.back();
    TreeNode& parent = *inner.node;
    parent.depth = std::max(parent.depth, node.depth + 1);
    parent.expanded_bytes += node.expanded_bytes;
    if (parent.depth > depth_max) refuse_depth(mark);
    if (parent.expanded_bytes > expanded_bytes_max)
      refuse(mark, "aliases expand to more than 64 MiB");
    if (parent.kind == Kind::sequence) {
      parent.items.push_back(&node);
    } else if (inner.key_waits) {
      parent.members.back().value = &node;
      inner.key_waits = false;
    } else {
      if (!node.is_scalar()) refuse(mark, "a key that is not a word or a number");
      if (node.kind == Kind::plain && node.scalar == "<<")
        refuse(mark, "merge keys (<<) are not supported");
      parent.members.push_back({node.scalar, mark.line + 1, nullptr});
      inner.key_waits = true;
    }
  }

  [[noreturn]] static void refuse_depth(const YAML::Mark& mark) {
    refuse(mark, "nested deeper than " + std::to_string(depth_max) + " levels");
  }

  Tree& tree_;
  std::vector<Open> open_;
  std::vector<const TreeNode*> anchors_;
};

// What must not reach yaml-cpp: other encodings, control characters.
Result<void> check_text(std::string_view text, const std::string& name) {
  const auto line_of = [text](size_t offset) {
    return 1 + static_cast<int>(
                   std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset), '\n'));
  };
  if (const size_t valid = utf8_valid_prefix(text); valid != text.size()) {
    return file_error(name, line_of(valid), "not valid UTF-8");
  }
  const auto control = std::find_if(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
  });
  if (control != text.end()) {
    return file_error(name, line_of(static_cast<size_t>(control - text.begin())),
                      "a control character");
  }
  return {};
}

}  // namespace

Result<Tree> parse_yaml_tree(std::string_view text, const std::string& name) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (auto checked = check_text(text, name); !checked) return std::move(checked).error();
  Tree tree;
  TreeBuilder builder(tree);
  try {
    // With an explicit end yaml-cpp notices a quoted scalar that is never closed; without one it
    // takes it as it is.
    std::string closed(text);
    closed += text.ends_with('\n') ? "...\n" : "\n...\n";
    std::istringstream in(std::move(closed));
    YAML::Parser parser(in);
    if (parser.HandleNextDocument(builder)) {
      Tree second;
      TreeBuilder second_builder(second);
      if (parser.HandleNextDocument(second_builder)) {
        return file_error(name, second.root == nullptr ? 0 : second.root->line,
                          "a second document in the file");
      }
    }
  } catch (const YAML::Exception& exception) {
    return file_error(name, exception.mark.line + 1, exception.msg);
  } catch (const std::exception& exception) {
    return file_error(name, 0, exception.what());
  }
  return tree;
}

}  // namespace causeway::config
