#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

// Numbers as people write and read them.
namespace causeway::load {

// "10s", "500ms", "1.5m", "250us", "1h"; without a unit: seconds. Fault::invalid when it is not
// such a number, is negative or longer than 100 days.
Result<Duration> parse_duration(std::string_view text);
// "4096", "16k", "1M", "1G" (powers of 1024).
Result<uint64_t> parse_bytes(std::string_view text);
// A plain finite decimal number, all of it.
Result<double> parse_number(std::string_view text);

// "950 ns", "12.3 us", "4.56 ms", "1.20 s"
std::string readable_duration(double nanoseconds);
// "12.3 MB"
std::string readable_bytes(double bytes);
// `text` with `digits` behind the point.
std::string fixed(double number, int digits);
// "12 345.6": groups of three.
std::string grouped(double number, int digits = 0);
// A word of a shell command, quoted where it has to be.
std::string shell_word(std::string_view word);

}  // namespace causeway::load
