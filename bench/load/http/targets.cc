#include "bench/load/http/targets.h"

#include <array>
#include <charconv>

#include "net/address.h"

namespace causeway::load {
namespace {

Error bad_target(Fault fault, std::string_view url, std::string_view why) {
  return {.fault = fault, .detail = "\"" + std::string(url) + "\": " + std::string(why)};
}

struct Scheme {
  std::string_view name;
  bool is_tls;
};

constexpr std::array<Scheme, 4> schemes{
    {{"http://", false}, {"ws://", false}, {"https://", true}, {"wss://", true}}};

struct NumberRange {
  uint64_t first = 0, last = 0;
  size_t width = 0;  // digits, when padded
};

bool parse_range(std::string_view text, NumberRange& range) {
  const size_t dots = text.find("..");
  if (dots == std::string_view::npos) return false;
  const std::string_view first = text.substr(0, dots);
  const std::string_view last = text.substr(dots + 2);
  const auto reads = [](std::string_view digits, uint64_t& number) {
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return fault == std::errc() && end == digits.data() + digits.size();
  };
  if (!reads(first, range.first) || !reads(last, range.last) || range.last < range.first)
    return false;
  range.width = first.size() > 1 && first.front() == '0' ? first.size() : 0;
  return true;
}

}  // namespace

Result<Target> parse_target(std::string_view url) {
  const Scheme* scheme = nullptr;
  for (const Scheme& known : schemes) {
    if (url.starts_with(known.name)) scheme = &known;
  }
  if (scheme == nullptr)
    return bad_target(Fault::invalid, url,
                      "expected http://host[:port][/path], https:, ws: or wss:");
  for (const char c : url) {
    if (c <= ' ' || c == '\x7f')
      return bad_target(Fault::invalid, url, "blanks and control characters need %-escapes");
  }
  std::string_view rest = url.substr(scheme->name.size());
  rest = rest.substr(0, rest.find('#'));
  const size_t slash = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, slash);
  if (authority.find('@') != std::string_view::npos)
    return bad_target(Fault::unsupported, url,
                      "a user name in the URL is not supported; use --header");
  const bool has_port = authority.find(':', authority.rfind(']') == std::string_view::npos
                                                ? 0
                                                : authority.rfind(']')) != std::string_view::npos;
  const auto place =
      net::parse_host_port(has_port ? std::string(authority)
                                    : std::string(authority) + (scheme->is_tls ? ":443" : ":80"));
  if (!place) return bad_target(Fault::invalid, url, "no host, or a port that is not 1..65535");
  std::string path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  if (path.front() == '?') path.insert(0, 1, '/');
  return Target{place->host, place->port, std::string(authority), std::move(path), scheme->is_tls};
}

Result<std::vector<std::string>> expand_pattern(std::string_view pattern, size_t results_max) {
  std::vector<std::string> results{""};
  while (true) {
    const size_t open = pattern.find('{');
    const std::string_view literal = pattern.substr(0, open);
    if (literal.find('}') != std::string_view::npos)
      return bad_target(Fault::invalid, pattern, "} without {");
    for (std::string& result : results) result += literal;
    if (open == std::string_view::npos) return results;
    const size_t close = pattern.find('}', open);
    NumberRange range;
    if (close == std::string_view::npos ||
        !parse_range(pattern.substr(open + 1, close - open - 1), range))
      return bad_target(Fault::invalid, pattern, "expected {first..last} with first <= last");
    if (range.last - range.first >= results_max / results.size())
      return bad_target(Fault::limit, pattern,
                        "more than " + std::to_string(results_max) + " targets");
    std::vector<std::string> longer;
    longer.reserve(results.size() * static_cast<size_t>(range.last - range.first + 1));
    for (const std::string& result : results) {
      for (uint64_t number = range.first; number <= range.last; ++number) {
        const std::string digits = std::to_string(number);
        const size_t zeros = digits.size() < range.width ? range.width - digits.size() : 0;
        longer.push_back(result + std::string(zeros, '0') + digits);
      }
    }
    results = std::move(longer);
    pattern.remove_prefix(close + 1);
  }
}

Result<void> append_targets(std::vector<Target>& targets, std::string_view pattern) {
  const auto urls = expand_pattern(pattern, targets_max);
  if (!urls) return urls.error();
  if (targets.size() + urls->size() > targets_max)
    return bad_target(Fault::limit, pattern,
                      "more than " + std::to_string(targets_max) + " targets");
  for (const std::string& url : *urls) {
    auto target = parse_target(url);
    if (!target) return target.error();
    targets.push_back(std::move(target).value());
  }
  return {};
}

Result<void> append_target_lines(std::vector<Target>& targets, std::string_view text,
                                 std::string_view name) {
  size_t line = 0;
  const size_t before = targets.size();
  while (!text.empty()) {
    ++line;
    const size_t end = text.find('\n');
    std::string_view pattern = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!pattern.empty() && (pattern.back() == '\r' || pattern.back() == ' '))
      pattern.remove_suffix(1);
    if (pattern.empty() || pattern.front() == '#') continue;
    if (const auto appended = append_targets(targets, pattern); !appended) {
      Error error = appended.error();
      error.detail = std::string(name) + ":" + std::to_string(line) + ": " + error.detail;
      return error;
    }
  }
  if (targets.size() == before)
    return Error{.fault = Fault::invalid, .detail = std::string(name) + ": holds no target"};
  return {};
}

}  // namespace causeway::load
