#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::load {

// What one request asks for. A value.
struct Target {
  std::string host;  // to connect to
  uint16_t port = 0;
  std::string authority;  // the Host header
  std::string path;       // with its query
  bool is_tls = false;    // https, wss
  friend bool operator==(const Target&, const Target&) = default;
};

inline constexpr size_t targets_max = 1'000'000;

// "http://app.example.com:8080/path?query"; https, ws and wss likewise. Fault::invalid when it is
// no such URL, Fault::unsupported for one with a user name.
Result<Target> parse_target(std::string_view url);

// Every way to replace the ranges: "http://app-{1..3}.test/{08..10}" gives nine. A range that
// starts with 0 pads with zeros. Fault::invalid for braces that hold no range, Fault::limit for
// more than `results_max`.
Result<std::vector<std::string>> expand_pattern(std::string_view pattern,
                                                size_t results_max = targets_max);

// Appends the targets of a URL pattern.
Result<void> append_targets(std::vector<Target>& targets, std::string_view pattern);

// The same for each line of a file's text; empty lines and lines that start with # are left out.
// The error names `name` and the line. Fault::invalid when nothing is left.
Result<void> append_target_lines(std::vector<Target>& targets, std::string_view text,
                                 std::string_view name);

}  // namespace causeway::load
