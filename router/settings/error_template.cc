#include "router/settings/error_template.h"

#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>
#include <variant>

#include "router/settings/error_template_parser.h"

namespace causeway::router {
namespace {

using Op = TemplateExpression::Op;
using Value = std::variant<int64_t, std::string_view, bool>;

constexpr size_t file_bytes_max = 1u << 20;

bool is_true(const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return *number != 0;
  if (const auto* text = std::get_if<std::string_view>(&value)) return !text->empty();
  return std::get<bool>(value);
}

std::optional<Value> evaluate(const TemplateExpression& expression,
                              const ErrorTemplate::Page& page);

// Kinds that differ cannot be compared, truths have no order: as in Go, the page fails then.
std::optional<Value> compare(Op op, const Value& left, const Value& right) {
  if (left.index() != right.index()) return std::nullopt;
  if (op == Op::eq) return Value(left == right);
  if (op == Op::ne) return Value(left != right);
  if (std::holds_alternative<bool>(left)) return std::nullopt;
  if (op == Op::lt) return Value(left < right);
  if (op == Op::le) return Value(left <= right);
  if (op == Op::gt) return Value(left > right);
  return Value(left >= right);
}

std::optional<Value> evaluate_comparison(const TemplateExpression& expression,
                                         const ErrorTemplate::Page& page) {
  const auto left = evaluate(expression.operands[0], page);
  if (!left) return std::nullopt;
  std::optional<Value> outcome;
  for (size_t i = 1; i < expression.operands.size(); ++i) {
    const auto right = evaluate(expression.operands[i], page);
    if (!right) return std::nullopt;
    outcome = compare(expression.op, *left, *right);
    if (!outcome || is_true(*outcome)) return outcome;  // eq: one of them is enough
  }
  return outcome;
}

// The first operand that decides, or the last one.
std::optional<Value> evaluate_all(const TemplateExpression& expression,
                                  const ErrorTemplate::Page& page) {
  std::optional<Value> value;
  for (const TemplateExpression& operand : expression.operands) {
    value = evaluate(operand, page);
    if (!value || is_true(*value) == (expression.op == Op::any_of)) return value;
  }
  return value;
}

std::optional<Value> evaluate(const TemplateExpression& expression,
                              const ErrorTemplate::Page& page) {
  switch (expression.op) {
    case Op::text:
      return Value(std::string_view(expression.text));
    case Op::number:
      return Value(expression.number);
    case Op::truth:
      return Value(expression.number != 0);
    case Op::status:
      return Value(int64_t{page.status});
    case Op::status_text:
      return Value(page.status_text);
    case Op::message:
      return Value(page.message);
    case Op::header:
      return Value(page.header ? page.header(expression.text) : std::string_view());
    case Op::unknown_field:
      return std::nullopt;
    case Op::all_of:
    case Op::any_of:
      return evaluate_all(expression, page);
    case Op::negation: {
      const auto value = evaluate(expression.operands[0], page);
      if (!value) return std::nullopt;
      return Value(!is_true(*value));
    }
    default:
      return evaluate_comparison(expression, page);
  }
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '"':
        out.append("&#34;");
        break;
      case '\'':
        out.append("&#39;");
        break;
      case '+':
        out.append("&#43;");
        break;
      case '\0':
        out.append("\xEF\xBF\xBD");
        break;
      default:
        out.push_back(c);
    }
  }
}

// `kept`: what stays beside letters and digits.
std::string percent_encoded(std::string_view text, std::string_view kept) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || kept.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', hex[byte >> 4], hex[byte & 15]});
    }
  }
  return out;
}

bool has_harmless_scheme(std::string_view url) {
  const size_t colon = url.find(':');
  if (colon == std::string_view::npos || url.find_first_of("/?#") < colon) return true;
  std::string scheme(url.substr(0, colon));
  for (char& c : scheme) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return scheme == "http" || scheme == "https" || scheme == "mailto";
}

void append_escaped(std::string& out, std::string_view text, HtmlPlace::Escape escape) {
  constexpr std::string_view reserved = "!#$&*+,/:;=?@[]%";
  switch (escape) {
    case HtmlPlace::Escape::url_query:
      return append_html(out, percent_encoded(text, ""));
    case HtmlPlace::Escape::url_start:
      // What Go puts in place of a javascript: link and its kind.
      if (!has_harmless_scheme(text)) {
        out.append("#ZgotmplZ");
        return;
      }
      [[fallthrough]];
    case HtmlPlace::Escape::url_path:
      return append_html(out, percent_encoded(text, reserved));
    default:
      return append_html(out, text);
  }
}

void append_value(std::string& out, const Value& value, HtmlPlace::Escape escape) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    out.append(std::to_string(*number));
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    append_escaped(out, *text, escape);
  } else {
    out.append(std::get<bool>(value) ? "true" : "false");
  }
}

bool append_nodes(std::string& out, const std::vector<TemplateNode>& nodes,
                  const ErrorTemplate::Page& page) {
  for (const TemplateNode& node : nodes) {
    if (node.kind == TemplateNode::Kind::text) {
      out.append(node.text);
      continue;
    }
    const auto value = evaluate(node.expression, page);
    if (!value) return false;
    if (node.kind == TemplateNode::Kind::value) {
      append_value(out, *value, node.escape);
    } else if (!append_nodes(out, is_true(*value) ? node.when_true : node.otherwise, page)) {
      return false;
    }
  }
  return true;
}

}  // namespace

struct ErrorTemplate::Tree {
  std::vector<TemplateNode> nodes;
};

ErrorTemplate::ErrorTemplate(std::unique_ptr<const Tree> tree) : tree_(std::move(tree)) {}
ErrorTemplate::~ErrorTemplate() = default;

Result<std::shared_ptr<const ErrorTemplate>> ErrorTemplate::parse(std::string_view text) {
  auto nodes = parse_error_template(text);
  if (!nodes) return std::move(nodes).error();
  return std::shared_ptr<const ErrorTemplate>(
      new ErrorTemplate(std::make_unique<const Tree>(Tree{std::move(nodes).value()})));
}

Result<std::shared_ptr<const ErrorTemplate>> ErrorTemplate::read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  char block[4096];
  while (in && text.size() <= file_bytes_max) {
    in.read(block, sizeof block);
    text.append(block, static_cast<size_t>(in.gcount()));
  }
  const auto error = [&](std::string reason) {
    return Error{.fault = Fault::invalid, .detail = path + ": " + std::move(reason)};
  };
  if (!in.eof() && text.size() <= file_bytes_max) return error("cannot be read");
  if (text.size() > file_bytes_max) return error("longer than 1 MiB");
  auto parsed = parse(text);
  if (!parsed) return error(parsed.error().detail);
  return parsed;
}

bool ErrorTemplate::render(std::string& out, const Page& page) const {
  const size_t before = out.size();
  if (append_nodes(out, tree_->nodes, page)) return true;
  out.resize(before);
  return false;
}

}  // namespace causeway::router
