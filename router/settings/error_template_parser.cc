#include "router/settings/error_template_parser.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace causeway::router {
namespace {

using Op = TemplateExpression::Op;
using Nodes = std::vector<TemplateNode>;

// Conditions and parentheses within each other.
constexpr size_t depth_max = 50;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '$';
}

struct Function {
  std::string_view name;
  Op op;
  size_t operands_min, operands_max;
};
constexpr Function functions[] = {
    {"eq", Op::eq, 2, 100},      {"ne", Op::ne, 2, 2},       {"lt", Op::lt, 2, 2},
    {"le", Op::le, 2, 2},        {"gt", Op::gt, 2, 2},       {"ge", Op::ge, 2, 2},
    {"and", Op::all_of, 1, 100}, {"or", Op::any_of, 1, 100}, {"not", Op::negation, 1, 1},
};

// Reads one template from its beginning to its end. Lives during parse_error_template().
class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : text_(text) {}

  Result<Nodes> run();

 private:
  // How a list of pieces may end.
  enum class End : uint8_t { text, otherwise, otherwise_if, end };

  bool list(Nodes& nodes, End& end);
  bool action(Nodes& nodes, std::string_view body, End& end, bool& ends);
  bool choice(Nodes& nodes);
  bool value(Nodes& nodes);
  bool condition(TemplateExpression& out);
  bool command(TemplateExpression& out, bool in_parentheses);
  bool operand(TemplateExpression& out);
  bool literal(TemplateExpression& out);
  bool field(TemplateExpression& out, std::string_view name);
  bool find_action_end(size_t& end);
  bool enter() { return ++depth_ <= depth_max || fail("nested too deeply"); }

  void skip_blanks() {
    while (!action_.empty() && is_blank(action_.front())) action_.remove_prefix(1);
  }
  std::string_view word() {
    skip_blanks();
    size_t size = 0;
    while (size < action_.size() && is_word(action_[size])) ++size;
    const std::string_view found = action_.substr(0, size);
    action_.remove_prefix(size);
    return found;
  }
  bool fail(std::string reason) {
    if (reason_.empty()) reason_ = std::move(reason);
    return false;
  }

  std::string_view text_;    // the whole
  size_t at_ = 0;            // of it, what is read
  std::string_view action_;  // what is left of the present action
  bool trims_next_ = false;
  HtmlPlace place_;
  size_t depth_ = 0;
  std::string reason_;
};

Result<Nodes> TemplateParser::run() {
  Nodes nodes;
  End end = End::text;
  if (list(nodes, end) && end != End::text) fail("{{end}} or {{else}} without {{if}}");
  if (reason_.empty()) return nodes;
  const auto line =
      1 + std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(at_), '\n');
  return Error{.fault = Fault::invalid, .detail = "line " + std::to_string(line) + ": " + reason_};
}

// From behind "{{" to "}}", which may stand within strings and comments.
bool TemplateParser::find_action_end(size_t& end) {
  size_t i = at_;
  if (const std::string_view rest = text_.substr(i);
      rest.starts_with("/*") || rest.starts_with("- /*")) {
    i = text_.find("*/", i);
    if (i == std::string_view::npos) return fail("unclosed comment");
  }
  while (i < text_.size()) {
    const char c = text_[i];
    if (text_.substr(i).starts_with("}}")) {
      end = i;
      return true;
    }
    if (c == '"' || c == '`') {
      for (++i; i < text_.size() && text_[i] != c; ++i) {
        if (c == '"' && text_[i] == '\\') ++i;
      }
    }
    ++i;
  }
  return fail("unclosed action");
}

bool TemplateParser::list(Nodes& nodes, End& end) {
  while (true) {
    const size_t open = text_.find("{{", at_);
    std::string_view literal =
        text_.substr(at_, open == std::string_view::npos ? open : open - at_);
    at_ += literal.size();
    if (trims_next_) {
      while (!literal.empty() && is_blank(literal.front())) literal.remove_prefix(1);
    }
    const bool trims = open != std::string_view::npos && text_.substr(open).starts_with("{{-") &&
                       open + 3 < text_.size() && is_blank(text_[open + 3]);
    if (trims) {
      while (!literal.empty() && is_blank(literal.back())) literal.remove_suffix(1);
    }
    TemplateNode node;
    place_.feed(literal, node.text);
    if (!node.text.empty()) nodes.push_back(std::move(node));
    if (open == std::string_view::npos) {
      end = End::text;
      return true;
    }
    at_ += 2;
    size_t close = 0;
    if (!find_action_end(close)) return false;
    std::string_view body = text_.substr(at_, close - at_);
    if (trims) body.remove_prefix(1);
    trims_next_ = body.size() >= 2 && body.back() == '-' && is_blank(body[body.size() - 2]);
    if (trims_next_) body.remove_suffix(1);
    at_ = close + 2;
    bool ends = false;
    if (!action(nodes, body, end, ends)) return false;
    if (ends) return true;
  }
}

bool TemplateParser::action(Nodes& nodes, std::string_view body, End& end, bool& ends) {
  action_ = body;
  skip_blanks();
  if (action_.starts_with("/*")) return true;
  const std::string_view whole = action_;
  const std::string_view first = word();
  if (first == "if") return enter() && choice(nodes) && (--depth_, true);
  ends = first == "end" || first == "else";
  if (!ends) {
    action_ = whole;
    return value(nodes);
  }
  place_.action(false);
  end = first == "end" ? End::end : End::otherwise;
  if (first == "else" && word() == "if") {
    end = End::otherwise_if;
    return true;
  }
  skip_blanks();
  return action_.empty() || fail("unexpected text after " + std::string(first));
}

// After "if": the condition, the lists, {{end}}. Both lists must lead to the same place of the
// page.
bool TemplateParser::choice(Nodes& nodes) {
  TemplateNode node;
  node.kind = TemplateNode::Kind::choice;
  if (!condition(node.expression)) return false;
  place_.action(false);
  const HtmlPlace before = place_;
  End end = End::text;
  if (!list(node.when_true, end)) return false;
  if (end == End::text) return fail("{{if}} without {{end}}");
  HtmlPlace after = std::exchange(place_, before);
  if (end == End::otherwise_if) {
    if (!enter() || !choice(node.otherwise)) return false;
    --depth_;
  } else if (end == End::otherwise) {
    if (!list(node.otherwise, end)) return false;
    if (end != End::end) return fail("{{else}} without {{end}}");
  }
  if (place_.escape() != after.escape())
    return fail("{{if}} whose branches end in different places of the page");
  nodes.push_back(std::move(node));
  return true;
}

bool TemplateParser::value(Nodes& nodes) {
  TemplateNode node;
  node.kind = TemplateNode::Kind::value;
  if (!condition(node.expression)) return false;
  node.escape = place_.escape();
  if (node.escape == HtmlPlace::Escape::impossible) {
    return fail("a value inside a script, a style, a tag or an attribute without quotes");
  }
  place_.action(true);
  if (node.escape != HtmlPlace::Escape::dropped) nodes.push_back(std::move(node));
  return true;
}

bool TemplateParser::condition(TemplateExpression& out) {
  if (!command(out, false)) return false;
  skip_blanks();
  if (action_.empty()) return true;
  return fail(action_.front() == '|' ? "pipelines are not supported"
                                     : "unexpected \"" + std::string(action_.substr(0, 20)) + "\"");
}

bool TemplateParser::command(TemplateExpression& out, bool in_parentheses) {
  skip_blanks();
  const std::string_view before = action_;
  const std::string_view name = word();
  const auto* const function = std::find_if(std::begin(functions), std::end(functions),
                                            [&](const Function& f) { return f.name == name; });
  if (function == std::end(functions)) {
    action_ = before;
    return operand(out);
  }
  out.op = function->op;
  skip_blanks();
  while (!action_.empty() && action_.front() != '|' &&
         !(in_parentheses && action_.front() == ')')) {
    if (!operand(out.operands.emplace_back())) return false;
    skip_blanks();
  }
  const size_t count = out.operands.size();
  return (count >= function->operands_min && count <= function->operands_max) ||
         fail("wrong number of operands of " + std::string(name));
}

bool TemplateParser::operand(TemplateExpression& out) {
  skip_blanks();
  if (action_.empty()) return fail("a value is missing");
  if (action_.front() == '(') {
    action_.remove_prefix(1);
    if (!enter() || !command(out, true)) return false;
    --depth_;
    skip_blanks();
    if (action_.empty() || action_.front() != ')') return fail("unclosed parenthesis");
    action_.remove_prefix(1);
    return true;
  }
  if (action_.front() == '.') return field(out, word());
  return literal(out);
}

bool TemplateParser::field(TemplateExpression& out, std::string_view name) {
  if (name == ".Status") {
    out.op = Op::status;
  } else if (name == ".StatusText") {
    out.op = Op::status_text;
  } else if (name == ".Message") {
    out.op = Op::message;
  } else if (name == ".Header.Get") {
    out.op = Op::header;
    TemplateExpression header;
    skip_blanks();
    if (!literal(header)) return false;
    if (header.op != Op::text) return fail(".Header.Get needs a name in quotes");
    out.text = std::move(header.text);
  } else if (name == "." || name == ".Header") {
    return fail(std::string(name) + " is more than one value");
  } else {
    out.op = Op::unknown_field;
    out.text = name;
  }
  return true;
}

bool TemplateParser::literal(TemplateExpression& out) {
  if (action_.empty()) return fail("a value is missing");
  const char quote = action_.front();
  if (quote == '"' || quote == '`') {
    action_.remove_prefix(1);
    while (!action_.empty() && action_.front() != quote) {
      if (quote == '"' && action_.front() == '\\') {
        action_.remove_prefix(1);
        if (action_.empty() || (action_.front() != '"' && action_.front() != '\\'))
          return fail("only \\\" and \\\\ are known in strings");
      }
      out.text.push_back(action_.front());
      action_.remove_prefix(1);
    }
    if (action_.empty()) return fail("unclosed string");
    action_.remove_prefix(1);
    out.op = Op::text;
    return true;
  }
  const bool is_negative = quote == '-';
  if (is_negative) action_.remove_prefix(1);
  const std::string_view name = word();
  out.number = name == "true" ? 1 : 0;
  out.op = Op::truth;
  if (!is_negative && (name == "true" || name == "false")) return true;
  out.op = Op::number;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), out.number);
  if (is_negative) out.number = -out.number;
  if (failed == std::errc() && end == name.data() + name.size() && !name.empty()) return true;
  return fail("not supported in error pages: \"" +
              std::string(name.empty() ? action_.substr(0, 20) : name) + "\"");
}

}  // namespace

Result<std::vector<TemplateNode>> parse_error_template(std::string_view text) {
  return TemplateParser(text).run();
}

}  // namespace causeway::router
