#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::config {

// Reads configuration files (YAML; .json files are parsed as JSON) into typed structs. All mistakes
// are collected, so the operator sees every one at once, each as "FILE:LINE: KEY: reason".
//
//   auto file = config::File::read(path);  // unreadable or unparsable: Error with file, line,
//   reason config::Section root = file->root(); root.read("port", options.port, {.min = 1, .max =
//   65535}); root.section("nats").read(...); root.unknown_keys() // for warnings if
//   (!file->errors().empty()) ...                           // print all, exit 1
//
// Absent keys leave the target untouched (defaults live in the struct). An explicit null counts as
// absent.

struct Problem {
  std::string file;
  int line = 0;     // 1-based, 0 when unknown
  std::string key;  // dotted path: "nats.hosts[1].port"
  std::string reason;
  std::string text()
      const;  // "router.yml:12: nats.hosts[1].port: not a number from 1 to 65535: \"x\""
};

struct Range {
  int64_t min = INT64_MIN;
  int64_t max = INT64_MAX;
};

class File;

// One mapping of the file. A cheap view; valid as long as its File. An absent section reads as
// empty.
class Section {
 public:
  bool exists() const;
  bool has(std::string_view key) const;

  void read(std::string_view key, bool& target);
  void read(std::string_view key, std::string& target);
  void read(std::string_view key, double& target);
  template <class Integer>
  requires(std::is_integral_v<Integer> &&
           !std::is_same_v<Integer, bool>) void read(std::string_view key, Integer& target,
                                                     Range range = {}) {
    constexpr Range fits{static_cast<int64_t>(std::numeric_limits<Integer>::min()),
                         sizeof(Integer) == 8
                             ? INT64_MAX
                             : static_cast<int64_t>(std::numeric_limits<Integer>::max())};
    int64_t value = 0;
    if (read_integer(key, value, {std::max(range.min, fits.min), std::min(range.max, fits.max)})) {
      target = static_cast<Integer>(value);
    }
  }
  // Go durations: "5s", "1m30s", "250ms", "0"; a bare number is nanoseconds. Negative ones are a
  // problem.
  void read(std::string_view key, Duration& target);
  void read(std::string_view key, std::vector<std::string>& target);
  void read(std::string_view key, std::vector<double>& target);
  void read(std::string_view key, std::map<std::string, std::string>& target);
  // A string that must be one of `choices`.
  void read_choice(std::string_view key, std::string& target,
                   const std::vector<std::string>& choices);
  // Required: absent or empty is a problem.
  void require(std::string_view key, std::string& target);

  Section section(std::string_view key);
  std::vector<Section> list(std::string_view key);  // a sequence of mappings

  // Reports a problem of this section's key (empty key: the section itself).
  void problem(std::string_view key, std::string reason);
  // Dotted paths of keys that nobody read, in this section and the sections visited below it.
  std::vector<std::string> unknown_keys() const;
  // The dotted path of this section, "" for the root.
  const std::string& path() const;
  // The value below `key` as compact JSON ("" when absent).
  std::string json(std::string_view key);

 private:
  friend class File;
  struct State;
  explicit Section(State* state) : state_(state) {}
  bool read_integer(std::string_view key, int64_t& value, Range range);
  State* state_;
};

// A parsed file and the problems found in it. Owner: who reads the configuration; dropped
// afterwards.
class File {
 public:
  static Result<std::unique_ptr<File>> read(const std::string& path);
  // `name` stands for the path in messages.
  static Result<std::unique_ptr<File>> parse(std::string_view text, std::string name);
  ~File();
  Section root();
  // Every key as a dotted path with its value as compact JSON; mappings are looked into, lists are
  // not.
  std::map<std::string, std::string> values() const;
  const std::vector<Problem>& problems() const;
  // All problems, one per line.
  std::string problem_text() const;

 private:
  File();
  friend class Section;
  struct State;
  std::unique_ptr<State> state_;
};

// "1m30s" -> 90 s; Fault::invalid with the reason. Go's grammar: ns us ms s m h, decimals, no sign
// accepted.
Result<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration duration);  // Go's form: "1m30s"

}  // namespace causeway::config
