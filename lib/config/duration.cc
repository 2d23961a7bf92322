#include <array>
#include <cstdint>
#include <utility>

#include "config/config.h"

namespace causeway::config {
namespace {

constexpr uint64_t nanoseconds_max = INT64_MAX;

// Longer names before their prefixes. Both signs for micro are Go's.
constexpr std::array<std::pair<std::string_view, uint64_t>, 8> units = {{
    {"ns", 1},
    {"us", 1'000},
    {"\xC2\xB5s", 1'000},
    {"\xCE\xBCs", 1'000},
    {"ms", 1'000'000},
    {"s", 1'000'000'000},
    {"m", 60'000'000'000},
    {"h", 3'600'000'000'000},
}};

Error duration_error(std::string_view reason) {
  return Error{.fault = Fault::invalid, .detail = std::string("not a duration: ").append(reason)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes digits off the front of `text`. False when the number does not fit.
bool take_whole(std::string_view& text, uint64_t& whole) {
  while (!text.empty() && is_digit(text[0])) {
    if (whole > (nanoseconds_max - 9) / 10) return false;
    whole = whole * 10 + static_cast<uint64_t>(text[0] - '0');
    text.remove_prefix(1);
  }
  return true;
}

// Takes the digits after the point; further ones than a double can tell apart are passed over.
double take_fraction(std::string_view& text) {
  double fraction = 0;
  double scale = 1;
  while (!text.empty() && is_digit(text[0])) {
    if (scale < 1e18) {
      fraction = fraction * 10 + (text[0] - '0');
      scale *= 10;
    }
    text.remove_prefix(1);
  }
  return fraction / scale;
}

uint64_t take_unit(std::string_view& text) {
  for (const auto& [name, nanoseconds] : units) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    return nanoseconds;
  }
  return 0;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration(0);
  if (text.empty()) return duration_error("empty");
  if (text[0] == '-') return duration_error("negative");
  uint64_t total = 0;
  while (!text.empty()) {
    uint64_t whole = 0;
    double fraction = 0;
    const size_t before = text.size();
    if (!take_whole(text, whole)) return duration_error("too long");
    size_t digits = before - text.size();
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      const size_t left = text.size();
      fraction = take_fraction(text);
      digits += left - text.size();
    }
    if (digits == 0) return duration_error("a number is missing (as in 1m30s)");
    if (text.empty()) return duration_error("the unit is missing (ns us ms s m h)");
    const uint64_t unit = take_unit(text);
    if (unit == 0) return duration_error("the unit is none of ns us ms s m h");
    if (whole > nanoseconds_max / unit) return duration_error("too long");
    const uint64_t part =
        whole * unit + static_cast<uint64_t>(fraction * static_cast<double>(unit));
    if (part > nanoseconds_max - total) return duration_error("too long");
    total += part;
  }
  return Duration(static_cast<int64_t>(total));
}

namespace {

// `count` units and the rest as decimals: "1.5".
std::string decimal(uint64_t nanoseconds, uint64_t unit) {
  std::string text = std::to_string(nanoseconds / unit);
  uint64_t rest = nanoseconds % unit;
  if (rest == 0) return text;
  text += '.';
  while (rest != 0) {
    unit /= 10;
    text += static_cast<char>('0' + rest / unit);
    rest %= unit;
  }
  return text;
}

}  // namespace

std::string format_duration(Duration duration) {
  const int64_t count = duration.count();
  if (count == 0) return "0s";
  std::string text = count < 0 ? "-" : "";
  uint64_t rest =
      count < 0 ? uint64_t{0} - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  if (rest < 1'000) return text + std::to_string(rest) + "ns";
  if (rest < 1'000'000) return text + decimal(rest, 1'000) + "\xC2\xB5s";
  if (rest < 1'000'000'000) return text + decimal(rest, 1'000'000) + "ms";
  const uint64_t minutes = rest / 60'000'000'000;
  rest %= 60'000'000'000;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + decimal(rest, 1'000'000'000) + "s";
}

}  // namespace causeway::config
