#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "log/logger.h"

namespace causeway::log {
namespace {

constexpr WallTime moment{1'700'000'000'123'456'789};

std::string lager(std::string_view message, Fields fields = {}) {
  return format_line(Shape::lager, TimeFormat::rfc3339, moment, Level::info, "bbs.lrp", message,
                     fields);
}

std::string value_of(Field field) {
  const std::string line =
      format_line(Shape::gorouter, TimeFormat::unix_epoch, {}, Level::info, "s", "m", {field});
  const size_t start = line.find("{\"f\":") + 5;
  return line.substr(start, line.size() - start - 2);
}

TEST(FormatLine, has_the_shape_of_gorouter) {
  EXPECT_EQ(format_line(Shape::gorouter, TimeFormat::unix_epoch, moment, Level::warn,
                        "gorouter.stdout.registry", "endpoint-registered",
                        {{"uri", "a.example.com"}, {"count", 3}}),
            R"({"log_level":2,"timestamp":1700000000.123456789,"message":"endpoint-registered",)"
            R"("source":"gorouter.stdout.registry","data":{"uri":"a.example.com","count":3}})");
  EXPECT_EQ(format_line(Shape::gorouter, TimeFormat::rfc3339, moment, Level::debug, "gorouter",
                        "starting", {}),
            R"({"log_level":0,"timestamp":"2023-11-14T22:13:20.123456789Z","message":"starting",)"
            R"("source":"gorouter","data":{}})");
}

TEST(FormatLine, has_the_shape_of_lager) {
  EXPECT_EQ(lager("starting", {{"guid", "g"}}),
            R"({"timestamp":"2023-11-14T22:13:20.123456789Z","level":"info","source":"bbs",)"
            R"("message":"bbs.lrp.starting","data":{"guid":"g"}})");
  EXPECT_EQ(
      format_line(Shape::lager, TimeFormat::unix_epoch, moment, Level::error, "rep", "failed", {}),
      R"({"timestamp":"1700000000.123456789","level":"error","source":"rep",)"
      R"("message":"rep.failed","data":{}})");
}

TEST(FormatLine, writes_times_before_the_epoch_and_leap_days) {
  const auto time_of = [](int64_t ns) {
    return format_line(Shape::lager, TimeFormat::rfc3339, {ns}, Level::info, "s", "m", {})
        .substr(14, 30);
  };
  EXPECT_EQ(time_of(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(time_of(-1), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(time_of(1'709'164'799'000'000'001), "2024-02-28T23:59:59.000000001Z");
  EXPECT_EQ(time_of(1'709'164'800'000'000'000), "2024-02-29T00:00:00.000000000Z");
}

TEST(FormatLine, writes_every_kind_of_value) {
  EXPECT_EQ(value_of({"f", "text"}), R"("text")");
  EXPECT_EQ(value_of({"f", std::numeric_limits<int64_t>::min()}), "-9223372036854775808");
  EXPECT_EQ(value_of({"f", uint16_t{8080}}), "8080");
  EXPECT_EQ(value_of({"f", 0.25}), "0.25");
  EXPECT_EQ(value_of({"f", std::nan("")}), R"("NaN")");
  EXPECT_EQ(value_of({"f", -std::numeric_limits<double>::infinity()}), R"("-Inf")");
  EXPECT_EQ(value_of({"f", true}), "true");
  EXPECT_EQ(value_of(Field::json("f", R"({"a":[1]})")), R"({"a":[1]})");
  EXPECT_EQ(value_of(Field::json("f", "")), "null");
}

TEST(FormatLine, a_value_cannot_break_or_forge_a_line) {
  EXPECT_EQ(value_of({"f", "a\"b\\c\nd\re\tf"}), R"("a\"b\\c\nd\re\tf")");
  EXPECT_EQ(value_of({"f", std::string("\0\x1b[2J\x7f", 6)}), R"("\u0000\u001b[2J\u007f")");
  EXPECT_EQ(value_of({"f",
                      "\xC2\x9B"
                      "2J\xE2\x80\xA8|\xE2\x80\xA9"}),
            R"("\u009b2J\u2028|\u2029")");
  EXPECT_EQ(value_of({"f", "caf\xC3\xA9 \xF0\x9F\x98\x80"}), "\"caf\xC3\xA9 \xF0\x9F\x98\x80\"");
  EXPECT_EQ(value_of({"f", "\xFFz\xC3"}), R"("\ufffdz\ufffd")");
  EXPECT_EQ(value_of(Field::json("f", "{\n\"a\":1\r}")), "{ \"a\":1 }");
  EXPECT_EQ(lager("x\ny", {{"n\"", 1}}).find('\n'), std::string::npos);
}

TEST(FormatLine, cuts_a_huge_value_between_characters) {
  const std::string ascii = value_of({"f", std::string(100'000, 'x')});
  EXPECT_EQ(ascii.size(), 32u * 1024 + 5);
  EXPECT_TRUE(ascii.ends_with("x...\""));
  std::string wide = "x";
  while (wide.size() < 40'000) wide += "\xE2\x82\xAC";
  EXPECT_EQ(value_of({"f", wide}).find("\\ufffd"), std::string::npos);
}

TEST(ParseLevel, knows_the_names_of_both_shapes) {
  Level level = Level::info;
  EXPECT_TRUE(parse_level("debug", level));
  EXPECT_EQ(level, Level::debug);
  EXPECT_TRUE(parse_level("fatal", level));
  EXPECT_EQ(level, Level::error);
  EXPECT_FALSE(parse_level("loud", level));
  EXPECT_EQ(level, Level::error);
}

TEST(FormatLine, optional_fields_are_left_out_when_empty) {
  EXPECT_EQ(
      format_line(Shape::gorouter, TimeFormat::unix_epoch, {}, Level::info, "s", "m",
                  {Field::optional("a", ""), Field::optional("b", "x"), {"c", ""}}),
      R"({"log_level":1,"timestamp":0.000000000,"message":"m","source":"s","data":{"b":"x","c":""}})");
}

}  // namespace
}  // namespace causeway::log
