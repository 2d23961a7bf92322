#include <cstdint>

#include <gmock/gmock.h>

#include "config/config.h"

namespace causeway::config {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ParseDuration, knows_gos_grammar) {
  const std::pair<const char*, Duration> cases[] = {
      {"0", 0ns},
      {"0s", 0ns},
      {"5s", 5s},
      {"1m30s", 90s},
      {"250ms", 250ms},
      {"1.5h", 90min},
      {".5s", 500ms},
      {"1.s", 1s},
      {"2h45m0.5s", 2h + 45min + 500ms},
      {"10us", 10us},
      {"10\xC2\xB5s", 10us},
      {"10\xCE\xBCs", 10us},
      {"7ns", 7ns},
      {"0.000000001s", 1ns},
      {"2562047h47m16.854775807s", Duration(INT64_MAX)},
      {"0.1234567890123456789123456789s", 123456789ns}};
  for (const auto& [text, expected] : cases) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, expected) << text;
  }
}

TEST(ParseDuration, refuses_everything_else_with_a_reason) {
  for (const char* bad :
       {"", "5", "s", ".s", "5 s", " 5s", "5s ", "-5s", "+5s", "5x", "1m30", "1e3s", "5sec",
        "1..5s", "2562048h", "99999999999999999999s", "9223372036854775808ns"}) {
    const auto parsed = parse_duration(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().fault, Fault::invalid);
    EXPECT_THAT(parsed.error().detail, HasSubstr("not a duration: "));
  }
}

TEST(FormatDuration, writes_gos_form) {
  const std::pair<Duration, const char*> cases[] = {
      {0ns, "0s"},
      {1ns, "1ns"},
      {1500ns, "1.5\xC2\xB5s"},
      {250ms, "250ms"},
      {1s, "1s"},
      {90s, "1m30s"},
      {2h, "2h0m0s"},
      {3h + 7ms, "3h0m0.007s"},
      {-90s, "-1m30s"},
      {2200us, "2.2ms"},
      {Duration(INT64_MIN), "-2562047h47m16.854775808s"}};
  for (const auto& [duration, expected] : cases) EXPECT_EQ(format_duration(duration), expected);
}

}  // namespace
}  // namespace causeway::config
