#include "json/json.h"

#include <cmath>
#include <limits>
#include <string>

#include <gmock/gmock.h>

namespace causeway::json {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Document parsed(std::string_view text) {
  auto document = Document::parse(text);
  EXPECT_TRUE(document) << text << ": " << (document ? "" : document.error().detail);
  return std::move(document).value();
}

std::string refusal(std::string_view text, Fault fault = Fault::invalid) {
  const auto document = Document::parse(text);
  EXPECT_FALSE(document) << text;
  if (document) return "parsed";
  EXPECT_EQ(document.error().fault, fault);
  return document.error().detail;
}

TEST(Document, reads_paths_without_checks_in_between) {
  const Document document = parsed(R"({"a":{"b":[1,"two",null,true,2.5]},"e":{}})");
  const Node list = document.root()["a"]["b"];
  EXPECT_EQ(list.size(), 5u);
  EXPECT_EQ(list.at(0).integer(), 1);
  EXPECT_EQ(list.at(1).string(), "two");
  EXPECT_TRUE(list.at(2).exists());
  EXPECT_TRUE(list.at(2).is_null());
  EXPECT_EQ(list.at(3).boolean(), true);
  EXPECT_EQ(list.at(4).number(), 2.5);
  const Node absent = document.root()["a"]["x"]["y"].at(7)["z"];
  EXPECT_FALSE(absent.exists());
  EXPECT_TRUE(absent.is_null());
  EXPECT_EQ(absent.string(), std::nullopt);
  EXPECT_EQ(absent.integer(), std::nullopt);
  EXPECT_EQ(absent.text(), "null");
  EXPECT_EQ(list.at(5).exists(), false);
  EXPECT_EQ(list.key(0), "");
}

TEST(Document, stays_valid_when_it_moves) {
  Document first = parsed(R"({"a":"x"})");
  Document second = std::move(first);
  EXPECT_EQ(second.root()["a"].string(), "x");
}

TEST(Document, integers_keep_all_their_bits_and_know_their_range) {
  const Document document = parsed(
      "[9223372036854775807,-9223372036854775808,18446744073709551615,1.5,3.0,1e3,1e17,-1,-0,"
      "\"5\"]");
  const Node list = document.root();
  EXPECT_EQ(list.at(0).integer(), INT64_MAX);
  EXPECT_EQ(list.at(1).integer(), INT64_MIN);
  EXPECT_EQ(list.at(1).unsigned_integer(), std::nullopt);
  EXPECT_EQ(list.at(2).integer(), std::nullopt);
  EXPECT_EQ(list.at(2).unsigned_integer(), UINT64_MAX);
  EXPECT_EQ(list.at(3).integer(), std::nullopt);
  EXPECT_EQ(list.at(4).integer(), 3);
  EXPECT_EQ(list.at(5).unsigned_integer(), 1000u);
  EXPECT_EQ(list.at(6).integer(), std::nullopt);
  EXPECT_EQ(list.at(7).unsigned_integer(), std::nullopt);
  EXPECT_EQ(list.at(8).integer(), 0);
  EXPECT_EQ(list.at(9).integer(), std::nullopt);
}

TEST(Document, reals_round_correctly_and_underflow_to_zero) {
  const Document document = parsed(
      "[0e51,0.0e-999,1e-400,-0.00000001e-320,5e-324,1.7976931348623157e308,100000000000000000000,-"
      "0.0,0.3,1e-99999999999]");
  const Node list = document.root();
  const double expected[] = {0, 0, 0, 0, 5e-324, 1.7976931348623157e308, 1e20, 0, 0.3, 0};
  for (size_t i = 0; i < list.size(); ++i) EXPECT_EQ(list.at(i).number(), expected[i]) << i;
  for (const char* bad : {"1.8e308", "-1e309", "1e99999999999", "0.001e400"}) {
    EXPECT_THAT(refusal(bad), HasSubstr("big"));
  }
  EXPECT_THAT(refusal(std::string(400, '9')), HasSubstr("big"));
}

TEST(Document, of_equal_keys_the_last_wins) {
  const Document document = parsed(R"({"a":1,"b":2,"a":3})");
  EXPECT_EQ(document.root()["a"].integer(), 3);
  EXPECT_EQ(document.root().key(1), "b");
  EXPECT_EQ(document.root().at(1).integer(), 2);
}

TEST(Document, strings_hold_any_character) {
  const Document document = parsed("\"a\\u0000b\\ud83d\\ude00\xE2\x82\xAC\\/\"");
  EXPECT_EQ(document.root().string(), std::string_view("a\0b\xF0\x9F\x98\x80\xE2\x82\xAC/", 11));
}

TEST(Document, names_the_place_of_a_mistake) {
  EXPECT_THAT(refusal("{\n  \"a\": 1\n  \"b\": 2}"),
              StartsWith("line 3, column 3: Missing a comma"));
  EXPECT_THAT(refusal(""), StartsWith("line 1, column 1: "));
  EXPECT_THAT(refusal("{\"a\":tru}"), StartsWith("line 1, column "));
}

TEST(Document, refuses_what_is_not_json) {
  for (const char* bad : {"{a:1}",
                          "{'a':1}",
                          "[1,]",
                          "{\"a\":1,}",
                          "[1 2]",
                          "01",
                          "+1",
                          ".5",
                          "1.",
                          "0x1",
                          "NaN",
                          "Infinity",
                          "nul",
                          "\"\\x41\"",
                          "\"tab\there\"",
                          "// c\n1",
                          "[",
                          "{\"a\"",
                          "\"",
                          "\xEF\xBB\xBF{}",
                          "1e999",
                          "\"\\ud800\"",
                          "\"\\udc00\"",
                          "\"\\ud800\\u0041\"",
                          "{\"\\udc00\":1}"}) {
    EXPECT_NE(refusal(bad), "parsed");
  }
}

TEST(Document, refuses_bytes_after_the_end_and_nul_bytes) {
  EXPECT_THAT(refusal("{} {}"), StartsWith("line 1, column 4: "));
  EXPECT_THAT(refusal(std::string("{}\0", 3)), HasSubstr("after the end"));
  EXPECT_THAT(refusal(std::string("{}\0garbage", 10)), HasSubstr("after the end"));
  EXPECT_NE(refusal(std::string("[1\0]", 4)), "parsed");
  EXPECT_NE(refusal(std::string("\"a\0b\"", 5)), "parsed");
  EXPECT_TRUE(Document::parse(" {} \r\n\t"));
}

TEST(Document, refuses_bytes_that_are_not_utf8) {
  for (const char* bad :
       {"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xC3\"", "{\"\xFF\":1}"}) {
    EXPECT_NE(refusal(bad), "parsed");
  }
}

TEST(Document, depth_and_size_are_bounded_without_recursion) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(Document::parse(nested(64)));
  EXPECT_THAT(refusal(nested(65), Fault::limit), HasSubstr("deeper than 64"));
  EXPECT_THAT(refusal(std::string(8'000'000, '['), Fault::limit), HasSubstr("column 65"));
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += "{\"a\":";
  EXPECT_THAT(refusal(objects, Fault::limit), HasSubstr("deeper than 64"));
  const auto big = Document::parse("[1,2]", {.bytes_max = 4});
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().fault, Fault::limit);
  // Side by side is not deep.
  std::string wide = "[";
  for (int i = 0; i < 1000; ++i) wide += "[[]],";
  EXPECT_TRUE(Document::parse(wide + "1]"));
}

TEST(Document, tells_the_line_of_each_value) {
  std::vector<int> lines;
  ASSERT_TRUE(Document::parse("{\n\"a\":\n 1, \"b\": [\n2,\n{}],\n\n\"c\":\"x\"\n}\n", {}, lines));
  EXPECT_THAT(lines, ElementsAre(1, 3, 3, 4, 5, 7));
}

TEST(Node, writes_itself_compactly) {
  EXPECT_EQ(parsed("{ \"a\" : [ 1 , 2.5, \"\\u00e9\\n\" ] , \"b\" : null }").root().text(),
            "{\"a\":[1,2.5,\"\xC3\xA9\\n\"],\"b\":null}");
  EXPECT_EQ(parsed("[0.1,1e100,18446744073709551615]").root().text(),
            "[0.1,1e100,18446744073709551615]");
}

TEST(Writer, builds_in_order) {
  Writer writer;
  writer.object().key("a").value(1).key("b").array().value("x").value(true).null().end();
  writer.member("c", 0.5)
      .member("d", std::string("y"))
      .member("e", uint64_t{UINT64_MAX})
      .member("f", int8_t{-3});
  writer.key("g").object().end().key("h").raw("[1]").end();
  EXPECT_EQ(
      writer.take(),
      R"({"a":1,"b":["x",true,null],"c":0.5,"d":"y","e":18446744073709551615,"f":-3,"g":{},"h":[1]})");
  EXPECT_EQ(writer.value("again").take(), "\"again\"");
}

TEST(Writer, escapes_and_replaces) {
  EXPECT_EQ(quote("a\"\\\n\x01\x7f"), "\"a\\\"\\\\\\n\\u0001\x7f\"");
  EXPECT_EQ(quote("x\xFFy"), "\"x\xEF\xBF\xBDy\"");
  EXPECT_EQ(quote({}), "\"\"");
  EXPECT_EQ(Writer()
                .array()
                .value(std::nan(""))
                .value(std::numeric_limits<double>::infinity())
                .end()
                .take(),
            "[null,null]");
}

TEST(WriterDeathTest, misuse_aborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(Writer().object().value(1), "Level::object");
  EXPECT_DEATH(Writer().array().key("a"), "Level::object");
  EXPECT_DEATH(Writer().object().key("a").end(), "object_with_key");
  EXPECT_DEATH(Writer().object().key("a").key("b"), "Level::object");
  EXPECT_DEATH(Writer().end(), "levels.empty");
  EXPECT_DEATH(Writer().object().take(), "complete");
  EXPECT_DEATH(Writer().value(1).value(2), "complete");
}

// Writes down what it is told, up to a limit.
struct Notes final : Visitor {
  explicit Notes(size_t most = 1000) : left(most) {}
  bool note(std::string_view what, std::string_view text = {}) {
    if (left == 0) return false;
    --left;
    told.append(what).append(text).append(" ");
    return true;
  }
  bool on_begin(Kind kind) override { return note(kind == Kind::object ? "{" : "["); }
  bool on_end() override { return note("end"); }
  bool on_key(std::string_view key) override { return note("key:", key); }
  bool on_string(std::string_view text) override { return note("string:", text); }
  bool on_number(std::string_view text) override { return note("number:", text); }
  bool on_other() override { return note("other"); }
  std::string told;
  size_t left;
};

TEST(Visitor, is_told_everything_in_order) {
  Notes notes;
  EXPECT_TRUE(visit(R"({"a":["x\u0041",1.50e3,null,true],"b":{}} )", notes));
  EXPECT_EQ(notes.told, "{ key:a [ string:xA number:1.50e3 other other end key:b { end end ");
}

TEST(Visitor, may_stop_and_is_not_told_of_nonsense_as_a_whole) {
  Notes few(3);
  EXPECT_FALSE(visit("[1,2,3]", few));
  EXPECT_EQ(few.told, "[ number:1 number:2 ");
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv, "{"sv, "[1,]"sv, "[] []"sv, "[]\0 x"sv, "[\"\xff\"]"sv,
                                      "[\"\\ud800\"]"sv, "{\"\xff\":1}"sv}) {
    Notes notes;
    EXPECT_FALSE(visit(text, notes)) << text;
  }
}

}  // namespace
}  // namespace causeway::json
