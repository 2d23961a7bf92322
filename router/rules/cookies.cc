#include "router/rules/cookies.h"

#include "http/headers.h"

namespace causeway::router {
namespace {

std::string_view without_blanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view without_quotes(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    return value.substr(1, value.size() - 2);
  return value;
}

// Takes what stands before the next ";" off the front.
std::string_view take_piece(std::string_view& rest) {
  const size_t end = rest.find(';');
  const std::string_view piece = without_blanks(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return piece;
}

struct NameAndValue {
  std::string_view name;
  std::string_view value;
  bool has_value;
};
NameAndValue split(std::string_view piece) {
  const size_t equals = piece.find('=');
  if (equals == std::string_view::npos) return {piece, {}, false};
  return {without_blanks(piece.substr(0, equals)), without_blanks(piece.substr(equals + 1)), true};
}

void note_attribute(const NameAndValue& attribute, SetCookie& cookie) {
  using http::equals_ignoring_case;
  if (equals_ignoring_case(attribute.name, "secure")) {
    cookie.is_secure = true;
  } else if (equals_ignoring_case(attribute.name, "partitioned")) {
    cookie.is_partitioned = true;
  } else if (equals_ignoring_case(attribute.name, "expires")) {
    cookie.expires = attribute.value;
  } else if (equals_ignoring_case(attribute.name, "max-age")) {
    const std::string_view age = attribute.value;
    cookie.ends_now = age.starts_with('-')
                          ? age.size() > 1
                          : !age.empty() && age.find_first_not_of('0') == std::string_view::npos;
  } else if (equals_ignoring_case(attribute.name, "samesite")) {
    for (const std::string_view known : {"Lax", "Strict", "None"}) {
      if (equals_ignoring_case(attribute.value, known)) cookie.same_site = known;
    }
  }
}

}  // namespace

std::optional<std::string_view> find_cookie(std::string_view line, std::string_view name) {
  while (!line.empty()) {
    const NameAndValue cookie = split(take_piece(line));
    if (cookie.has_value && cookie.name == name) return without_quotes(cookie.value);
  }
  return std::nullopt;
}

std::optional<SetCookie> parse_set_cookie(std::string_view line) {
  const NameAndValue pair = split(take_piece(line));
  if (!pair.has_value || pair.name.empty()) return std::nullopt;
  SetCookie cookie;
  cookie.name = pair.name;
  while (!line.empty()) note_attribute(split(take_piece(line)), cookie);
  return cookie;
}

}  // namespace causeway::router
