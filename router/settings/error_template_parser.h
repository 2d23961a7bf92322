#pragma once

// Internal to ErrorTemplate: its parsed form and its parser.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "router/settings/html_place.h"

namespace causeway::router {

// Something that has a value: a literal, a field, or a function with its operands.
struct TemplateExpression {
  enum class Op : uint8_t {
    text,
    number,
    truth,
    status,
    status_text,
    message,
    header,
    unknown_field,
    eq,
    ne,
    lt,
    le,
    gt,
    ge,
    all_of,
    any_of,
    negation,
  };
  Op op = Op::text;
  std::string text = {};  // literal, header or field name
  int64_t number = 0;     // literal; a truth is 0 or 1
  std::vector<TemplateExpression> operands = {};
};

// A piece of the page: literal text, a value, or a choice between two lists of pieces.
struct TemplateNode {
  enum class Kind : uint8_t { text, value, choice };
  Kind kind = Kind::text;
  std::string text = {};
  TemplateExpression expression = {};
  HtmlPlace::Escape escape = HtmlPlace::Escape::html;
  std::vector<TemplateNode> when_true = {};
  std::vector<TemplateNode> otherwise = {};
};

// Fault::invalid with line and reason.
Result<std::vector<TemplateNode>> parse_error_template(std::string_view text);

}  // namespace causeway::router
