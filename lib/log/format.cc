#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "base/utf8.h"
#include "log/line.h"

namespace causeway::log {
namespace {

// A value longer than this is cut: one careless line must not fill the queue's memory.
constexpr size_t value_bytes_max = 32 * 1024;

constexpr char hex_digits[] = "0123456789abcdef";

// Bytes that go into a JSON string as they are. DEL is not: terminals act on it.
constexpr std::array<bool, 256> plain_bytes = [] {
  std::array<bool, 256> plain{};
  for (size_t i = 0x20; i < 0x7F; ++i) plain[i] = true;
  plain['"'] = false;
  plain['\\'] = false;
  return plain;
}();

void append_escape(std::string& out, unsigned code) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += hex_digits[(code >> shift) & 0xF];
}

// One byte that is not plain, or one longer sequence. Returns how many bytes of `rest` it stands
// for.
size_t append_special(std::string& out, std::string_view rest) {
  const auto first = static_cast<unsigned char>(rest[0]);
  switch (first) {
    case '"':
      out += "\\\"";
      return 1;
    case '\\':
      out += "\\\\";
      return 1;
    case '\n':
      out += "\\n";
      return 1;
    case '\r':
      out += "\\r";
      return 1;
    case '\t':
      out += "\\t";
      return 1;
    default:
      break;
  }
  if (first < 0x80) {
    append_escape(out, first);
    return 1;
  }
  const size_t length = utf8_length(rest);
  if (length == 0) {
    append_escape(out, 0xFFFD);
    return 1;
  }
  const auto second = static_cast<unsigned char>(rest[1]);
  if (first == 0xC2 && second < 0xA0) {  // C1 controls: terminals act on them
    append_escape(out, second);
  } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
    // Line and paragraph separator: line ends to some readers.
    append_escape(out, 0x2000u | (static_cast<unsigned char>(rest[2]) & 0x3Fu));
  } else {
    out += rest.substr(0, length);
  }
  return length;
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    size_t run = 0;
    while (run < text.size() && plain_bytes[static_cast<unsigned char>(text[run])]) ++run;
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (!text.empty()) text.remove_prefix(append_special(out, text));
  }
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  if (text.size() <= value_bytes_max) {
    append_escaped(out, text);
  } else {
    size_t cut = value_bytes_max;
    while (cut > value_bytes_max - 4 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80)
      --cut;
    append_escaped(out, text.substr(0, cut));
    out += "...";
  }
  out += '"';
}

template <class Number>
void append_number(std::string& out, Number number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  out.append(digits, end);
}

void append_padded(std::string& out, uint64_t number, int width) {
  char digits[20];
  for (int i = width - 1; i >= 0; --i) {
    digits[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  out.append(digits, static_cast<size_t>(width));
}

struct SplitTime {
  int64_t seconds;
  uint64_t nanoseconds;
};

SplitTime split(WallTime time) {
  constexpr int64_t second = 1'000'000'000;
  int64_t seconds = time.unix_ns / second;
  int64_t rest = time.unix_ns % second;
  if (rest < 0) {
    rest += second;
    --seconds;
  }
  return {seconds, static_cast<uint64_t>(rest)};
}

void append_rfc3339(std::string& out, WallTime time) {
  const SplitTime parts = split(time);
  constexpr int64_t day_seconds = 86400;
  int64_t days = parts.seconds / day_seconds;
  int64_t clock = parts.seconds % day_seconds;
  if (clock < 0) {
    clock += day_seconds;
    --days;
  }
  // int64 nanoseconds reach from 1677 to 2262: the year has four digits.
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  append_padded(out, static_cast<uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  const auto of_day = static_cast<uint64_t>(clock);
  append_padded(out, of_day / 3600, 2);
  out += ':';
  append_padded(out, of_day / 60 % 60, 2);
  out += ':';
  append_padded(out, of_day % 60, 2);
  out += '.';
  append_padded(out, parts.nanoseconds, 9);
  out += 'Z';
}

// gorouter's epoch is a number, lager's a string; RFC 3339 is a string in both.
void append_time(std::string& out, Shape shape, TimeFormat format, WallTime time) {
  const bool quoted = shape == Shape::lager || format == TimeFormat::rfc3339;
  if (quoted) out += '"';
  if (format == TimeFormat::rfc3339) {
    append_rfc3339(out, time);
  } else {
    const SplitTime parts = split(time);
    append_number(out, parts.seconds);
    out += '.';
    append_padded(out, parts.nanoseconds, 9);
  }
  if (quoted) out += '"';
}

struct AppendValue {
  std::string& out;
  bool raw_json;

  void operator()(std::string_view text) const {
    if (!raw_json) {
      append_string(out, text);
    } else if (text.empty()) {
      out += "null";
    } else {
      // JSON has line ends between its tokens only: a blank means the same there.
      for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  void operator()(int64_t number) const { append_number(out, number); }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      append_number(out, number);
    } else {
      out += std::isnan(number) ? "\"NaN\"" : number > 0 ? "\"+Inf\"" : "\"-Inf\"";
    }
  }
  void operator()(bool boolean) const { out += boolean ? "true" : "false"; }
};

void append_member_name(std::string& out, std::string_view name) {
  if (out.back() != '{') out += ',';
  append_string(out, name);
  out += ':';
}

void append_data(std::string& out, std::span<const Field> fields, const Error* error) {
  out += "\"data\":{";
  for (const Field& field : fields) {
    if (field.is_left_out) continue;
    append_member_name(out, field.name);
    std::visit(AppendValue{out, field.raw_json}, field.value);
  }
  if (error != nullptr) {
    append_member_name(out, "error");
    append_string(out, to_string(*error));
    append_member_name(out, "fault");
    append_string(out, fault_name(error->fault));
  }
  out += '}';
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

}  // namespace

void append_line(std::string& out, Shape shape, TimeFormat time_format, WallTime time, Level level,
                 std::string_view source, std::string_view message, std::span<const Field> fields,
                 const Error* error) {
  if (shape == Shape::gorouter) {
    out += "{\"log_level\":";
    out += static_cast<char>('0' + static_cast<int>(level));
    out += ",\"timestamp\":";
    append_time(out, shape, time_format, time);
    out += ",\"message\":";
    append_string(out, message);
    out += ",\"source\":";
    append_string(out, source);
  } else {
    out += "{\"timestamp\":";
    append_time(out, shape, time_format, time);
    out += ",\"level\":\"";
    out += level_name(level);
    // lager names the component in `source` and repeats it, with the sessions below it, in front of
    // the message.
    out += "\",\"source\":";
    append_string(out, source.substr(0, source.find('.')));
    out += ",\"message\":\"";
    append_escaped(out, source.substr(0, value_bytes_max));
    out += '.';
    append_escaped(out, message.substr(0, value_bytes_max));
    out += '"';
  }
  out += ',';
  append_data(out, fields, error);
  out += '}';
}

std::string format_line(Shape shape, TimeFormat time_format, WallTime time, Level level,
                        std::string_view source, std::string_view message, Fields fields) {
  std::string line;
  append_line(line, shape, time_format, time, level, source, message,
              std::span<const Field>(fields.begin(), fields.size()), nullptr);
  return line;
}

bool parse_level(std::string_view text, Level& level) {
  if (text == "debug") {
    level = Level::debug;
  } else if (text == "info") {
    level = Level::info;
  } else if (text == "warn") {
    level = Level::warn;
  } else if (text == "error" || text == "fatal") {
    level = Level::error;
  } else {
    return false;
  }
  return true;
}

}  // namespace causeway::log
