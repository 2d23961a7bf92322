#include "bench/load/measure/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace causeway::load {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

Error bad_quantity(std::string_view what, std::string_view text) {
  return {.fault = Fault::invalid,
          .detail = "not " + std::string(what) + ": \"" + std::string(text) + "\""};
}

// Splits "1.5ms" into 1.5 and "ms".
Result<double> leading_number(std::string_view text, std::string_view& rest) {
  double number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || !std::isfinite(number)) return bad_quantity("a number", text);
  rest = text.substr(static_cast<size_t>(end - text.data()));
  return number;
}

}  // namespace

Result<double> parse_number(std::string_view text) {
  std::string_view rest;
  auto number = leading_number(text, rest);
  if (!number || !rest.empty()) return bad_quantity("a number", text);
  return number;
}

Result<Duration> parse_duration(std::string_view text) {
  static constexpr std::array<Unit, 8> units{{{"", 1},
                                              {"s", 1},
                                              {"ns", 1e-9},
                                              {"us", 1e-6},
                                              {"ms", 1e-3},
                                              {"m", 60},
                                              {"min", 60},
                                              {"h", 3600}}};
  static constexpr double seconds_max = 100.0 * 86400;
  std::string_view rest;
  const auto number = leading_number(text, rest);
  if (number && *number >= 0) {
    for (const Unit& unit : units) {
      if (unit.name != rest) continue;
      const double seconds = *number * unit.factor;
      if (seconds > seconds_max) break;
      return Duration(std::llround(seconds * 1e9));
    }
  }
  return bad_quantity("a duration (10s, 500ms, 2m ...)", text);
}

Result<uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::array<Unit, 7> units{{{"", 1},
                                              {"k", 1024},
                                              {"K", 1024},
                                              {"m", 1024.0 * 1024},
                                              {"M", 1024.0 * 1024},
                                              {"g", 1024.0 * 1024 * 1024},
                                              {"G", 1024.0 * 1024 * 1024}}};
  std::string_view rest;
  const auto number = leading_number(text, rest);
  if (number && *number >= 0 && *number <= 1e15) {
    for (const Unit& unit : units) {
      if (unit.name == rest) return static_cast<uint64_t>(*number * unit.factor);
    }
  }
  return bad_quantity("a number of bytes (128, 16k, 1M ...)", text);
}

std::string fixed(double number, int digits) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.*f", digits, number);
  return length < 0 ? std::string() : std::string(text.data());
}

std::string readable_duration(double nanoseconds) {
  struct Step {
    double below;
    double divisor;
    const char* unit;
  };
  static constexpr std::array<Step, 3> steps{
      {{1e3, 1, " ns"}, {1e6, 1e3, " us"}, {1e9, 1e6, " ms"}}};
  double divisor = 1e9;
  const char* unit = " s";
  for (const Step& step : steps) {
    if (nanoseconds >= step.below) continue;
    divisor = step.divisor;
    unit = step.unit;
    break;
  }
  const double number = nanoseconds / divisor;
  const int digits = divisor == 1 || number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return fixed(number, digits) + unit;
}

std::string readable_bytes(double bytes) {
  static constexpr std::array<const char*, 5> units{" B", " kB", " MB", " GB", " TB"};
  size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < units.size()) {
    bytes /= 1000;
    ++unit;
  }
  return fixed(bytes, unit == 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2) + units[unit];
}

std::string grouped(double number, int digits) {
  std::string text = fixed(number, digits);
  size_t point = text.find('.');
  if (point == std::string::npos) point = text.size();
  const size_t first = number < 0 ? 1 : 0;
  while (point > first + 3) {
    point -= 3;
    text.insert(point, 1, ' ');
  }
  return text;
}

std::string shell_word(std::string_view word) {
  static constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos)
    return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace causeway::load
