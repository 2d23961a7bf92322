#include "config/config.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

namespace causeway::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::unique_ptr<File> parsed(std::string_view text, const char* name = "c.yml") {
  auto file = File::parse(text, name);
  EXPECT_TRUE(file) << (file ? "" : file.error().detail);
  return std::move(file).value();
}

std::string refusal(std::string_view text, const char* name = "c.yml") {
  const auto file = File::parse(text, name);
  EXPECT_FALSE(file) << text.substr(0, 100);
  return file ? "parsed" : file.error().detail;
}

TEST(Config, reads_typed_values_and_leaves_defaults_alone) {
  const auto file = parsed(R"(
status: {port: 8082, user: 'u'}
hosts: [a, "b", 3]
tags: {k: v, n: 1}
verbose: yes
ratio: 0.25
drain: 1m30s
raw_ns: 1500000000
mask: 0x1F
mode: 0755
name: "5"
nothing: ~
empty:
)");
  Section root = file->root();
  uint16_t port = 1;
  std::string user;
  Section status = root.section("status");
  status.read("port", port, {.min = 1});
  status.read("user", user);
  EXPECT_EQ(port, 8082);
  EXPECT_EQ(user, "u");
  std::vector<std::string> hosts;
  root.read("hosts", hosts);
  EXPECT_THAT(hosts, ElementsAre("a", "b", "3"));
  std::map<std::string, std::string> tags;
  root.read("tags", tags);
  EXPECT_EQ(tags["n"], "1");
  bool verbose = false;
  root.read("verbose", verbose);
  EXPECT_TRUE(verbose);
  double ratio = 0;
  root.read("ratio", ratio);
  EXPECT_EQ(ratio, 0.25);
  Duration drain{};
  root.read("drain", drain);
  EXPECT_EQ(drain, 90s);
  root.read("raw_ns", drain);
  EXPECT_EQ(drain, 1500ms);
  int mask = 0;
  root.read("mask", mask);
  EXPECT_EQ(mask, 31);
  root.read("mode", mask);
  EXPECT_EQ(mask, 0755);
  std::string name = "default";
  root.read("name", name);
  EXPECT_EQ(name, "5");
  name = "default";
  root.read("nothing", name);
  root.read("empty", name);
  root.read("absent", name);
  EXPECT_EQ(name, "default");
  EXPECT_FALSE(root.has("nothing"));
  EXPECT_FALSE(root.section("absent").section("deeper").exists());
  EXPECT_THAT(file->problems(), IsEmpty());
  EXPECT_THAT(root.unknown_keys(), IsEmpty());
}

TEST(Config, tells_every_problem_with_its_place) {
  const auto file = parsed(R"(port: 70000
nats:
  hosts:
  - host: a
    port: x
  - just-a-word
drain: 5 minutes
verbose: maybe
algorithm: fastest
id: ""
list: {a: 1}
name: [1]
)",
                           "router.yml");
  Section root = file->root();
  uint16_t port = 7;
  root.read("port", port, {.min = 1});
  auto hosts = root.section("nats").list("hosts");
  ASSERT_EQ(hosts.size(), 1u);
  hosts[0].read("port", port, {.min = 1});
  EXPECT_EQ(hosts[0].path(), "nats.hosts[0]");
  Duration drain{};
  root.read("drain", drain);
  bool verbose = false;
  root.read("verbose", verbose);
  std::string text = "kept";
  root.read_choice("algorithm", text, {"round-robin", "least-connection"});
  root.require("id", text);
  root.require("zone", text);
  std::vector<std::string> list;
  root.read("list", list);
  root.read("name", text);
  root.section("nats").problem("hosts", "too few");
  EXPECT_EQ(port, 7);
  EXPECT_EQ(text, "kept");
  EXPECT_EQ(file->problem_text(), R"(router.yml:1: port: not a number from 1 to 65535: "70000"
router.yml:6: nats.hosts[1]: not a mapping: "just-a-word"
router.yml:5: nats.hosts[0].port: not a number from 1 to 65535: "x"
router.yml:7: drain: not a duration: the unit is none of ns us ms s m h: "5 minutes"
router.yml:8: verbose: not true or false: "maybe"
router.yml:9: algorithm: not one of round-robin, least-connection: "fastest"
router.yml:10: id: must not be empty
router.yml:1: zone: is required
router.yml:11: list: not a list of strings: a mapping
router.yml:12: name: not a string: a list
router.yml:3: nats.hosts: too few
)");
}

TEST(Config, numbers_must_fit_their_target) {
  const auto file =
      parsed("a: 300\nb: -1\nc: 9223372036854775807\nd: 9223372036854775808\ne: 1.5\nf: '5'\n");
  Section root = file->root();
  uint8_t small = 1;
  root.read("a", small);
  root.read("b", small);
  uint64_t wide = 1;
  root.read("b", wide);
  root.read("c", wide);
  EXPECT_EQ(wide, 9223372036854775807u);
  int64_t number = 1;
  root.read("d", number);
  root.read("e", number);
  root.read("f", number);  // quotes make it a string
  EXPECT_EQ(small, 1);
  EXPECT_EQ(number, 1);
  EXPECT_EQ(file->problems().size(), 6u);
  EXPECT_EQ(file->problems()[0].reason, "not a number from 0 to 255: \"300\"");
  EXPECT_EQ(file->problems()[2].reason, "not a number of 0 or more: \"-1\"");
}

TEST(Config, lists_keys_nobody_read) {
  const auto file = parsed("a: 1\nb: {c: 1, d: 2}\nl: [{x: 1, y: 2}]\nz: {q: 1}\n");
  Section root = file->root();
  int number = 0;
  root.read("a", number);
  root.section("b").read("c", number);
  root.list("l")[0].read("x", number);
  EXPECT_THAT(root.unknown_keys(), ElementsAre("z", "b.d", "l[0].y"));
  EXPECT_THAT(root.section("b").unknown_keys(), ElementsAre("b.d"));
}

TEST(Config, json_files_are_strict_and_have_lines_too) {
  const auto file = parsed(
      "{\n \"port\": \"8080\",\n\t\"d\": \"5s\", \"ns\": 7,\n \"s\": 5,\n \"b\": \"true\"\n}",
      "c.json");
  Section root = file->root();
  int64_t port = 0;
  root.read("port", port);
  Duration duration{};
  root.read("d", duration);
  EXPECT_EQ(duration, 5s);
  root.read("ns", duration);
  EXPECT_EQ(duration, 7ns);
  std::string text;
  root.read("s", text);
  bool boolean = false;
  root.read("b", boolean);
  EXPECT_EQ(file->problem_text(),
            "c.json:2: port: not a whole number: \"8080\"\nc.json:4: s: not a string: \"5\"\n"
            "c.json:5: b: not true or false: \"true\"\n");
  EXPECT_THAT(refusal("{\n\"a\": 1,\n}", "c.json"), StartsWith("c.json:3: column 1: "));
  EXPECT_THAT(refusal("{a: 1}", "c.json"), StartsWith("c.json:1: "));
  EXPECT_THAT(refusal("a: 1", "c.json"), StartsWith("c.json:1: "));
  EXPECT_THAT(refusal("", "c.json"), StartsWith("c.json:1: "));
  EXPECT_THAT(refusal("{\"a\":1,\n\"a\":2}", "c.json"),
              HasSubstr("c.json:2: key \"a\" is repeated"));
}

TEST(Config, json_under_another_name_is_still_json) {
  const auto file = parsed("{\"a\": \"\\ud83d\\ude00\"}", "config");
  std::string text;
  file->root().read("a", text);
  EXPECT_EQ(text, "\xF0\x9F\x98\x80");
  int number = 0;
  parsed("{a: 1}", "config")->root().read("a", number);
  EXPECT_EQ(number, 1);
  EXPECT_THAT(refusal("{\"a\": 1,\n \"b\" 2}", "config"),
              StartsWith("config:2: column 6: Missing a colon"));
}

TEST(Config, an_empty_file_is_all_defaults) {
  for (const char* text : {"", "---\n", "# nothing\n", "~", "{}"})
    EXPECT_FALSE(parsed(text)->root().has("a")) << text;
  EXPECT_EQ(refusal("- a\n"), "c.yml:1: the file is not a mapping: a list");
  EXPECT_EQ(refusal("word"), "c.yml:1: the file is not a mapping: \"word\"");
}

TEST(Config, refuses_bad_yaml_with_line_and_reason) {
  EXPECT_THAT(refusal("a: 1\n\tb: 2\n"), StartsWith("c.yml:"));
  EXPECT_THAT(refusal("a: [1, 2\nb: 3\n"), StartsWith("c.yml:"));
  EXPECT_THAT(refusal("a: 1\nb: 'x\n"), StartsWith("c.yml:"));
  EXPECT_THAT(refusal("a: 1\nb: \"x"), StartsWith("c.yml:"));
  EXPECT_THAT(refusal("a: 1\n b: 2\n"), StartsWith("c.yml:2: "));
  EXPECT_THAT(refusal("a: *unknown\n"), StartsWith("c.yml:1: "));
  EXPECT_EQ(refusal("a: 1\nb: 2\na: 3\n"), "c.yml:3: key \"a\" is repeated");
  EXPECT_EQ(refusal("a: 1\nb: !ruby/object:X {}\n"), "c.yml:2: a tag that is not supported");
  EXPECT_EQ(refusal("a: &x {k: 1}\nb:\n  <<: *x\n"), "c.yml:3: merge keys (<<) are not supported");
  EXPECT_EQ(refusal("a: &x [*x]\n"), "c.yml:1: an alias inside of what it stands for");
  EXPECT_EQ(refusal("? [a]\n: 1\n"), "c.yml:1: a key that is not a word or a number");
  EXPECT_EQ(refusal("a: 1\n---\nb: 2\n"), "c.yml:3: a second document in the file");
  EXPECT_EQ(refusal("a: 1\nb: \xFF\n"), "c.yml:2: not valid UTF-8");
  EXPECT_EQ(refusal(std::string("a: 1\nb: \0\n", 10)), "c.yml:2: a control character");
}

TEST(Config, bombs_are_refused_in_good_time) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(refusal(std::string(100'000, '[')), StartsWith("c.yml:"));
  std::string deep;
  for (int i = 0; i < 2'000; ++i) deep += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(refusal(deep), HasSubstr("deeper than 64"));
  std::string dashes = "a: ";
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_THAT(refusal(dashes), StartsWith("c.yml:"));
  std::string laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int n = 0; n < 9; ++n) laughs += ", " + before;
    laughs += "]\n";
  }
  EXPECT_THAT(refusal(laughs), HasSubstr("aliases expand"));
  std::string many = "a: [";
  for (int i = 0; i < 300'000; ++i) many += "1,";
  EXPECT_THAT(refusal(many + "]"), HasSubstr("more than 200000 values"));
  EXPECT_THAT(refusal(std::string(5u << 20, ' ')), HasSubstr("longer than 4 MiB"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 60s);
}

TEST(Config, aliases_share_values) {
  const auto file = parsed("base: &b {x: 1}\nother: *b\n");
  int number = 0;
  file->root().section("other").read("x", number);
  EXPECT_EQ(number, 1);
  EXPECT_THAT(file->root().unknown_keys(), ElementsAre("base"));
}

TEST(Config, hands_out_json) {
  const auto file = parsed("a: {b: [1, 'x', true, 0x10, ~, 1.5, text, .inf, !!str 5]}\n");
  EXPECT_EQ(file->root().json("a"), R"({"b":[1,"x",true,16,null,1.5,"text",".inf","5"]})");
  EXPECT_EQ(file->root().json("z"), "");
  EXPECT_EQ(parsed("{\"a\":{\"n\":1.50,\"s\":\"1\"}}", "c.json")->root().json("a"),
            R"({"n":1.5,"s":"1"})");
}

TEST(Config, long_values_are_not_printed_whole) {
  const auto file = parsed("a: " + std::string(5000, 'x') + "\n");
  int number = 0;
  file->root().read("a", number);
  EXPECT_LT(file->problem_text().size(), 120u);
}

TEST(ConfigFile, is_read_from_disk_or_says_why_not) {
  std::string folder = (std::filesystem::temp_directory_path() / "causeway-config-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/router.yml";
  const auto missing = File::read(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().fault, Fault::not_found);
  EXPECT_THAT(missing.error().detail, HasSubstr(path));
  EXPECT_FALSE(File::read(folder));
  EXPECT_FALSE(File::read("/dev/zero"));
  std::ofstream(path) << "port: x\n";
  const auto file = File::read(path);
  ASSERT_TRUE(file);
  int64_t port = 0;
  (*file)->root().read("port", port);
  EXPECT_EQ((*file)->problem_text(), path + ":1: port: not a whole number: \"x\"\n");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace causeway::config
