#include "bench/load/http/targets.h"

#include <gtest/gtest.h>

namespace causeway::load {
namespace {

TEST(Targets, a_url_is_taken_apart) {
  EXPECT_EQ(parse_target("http://app.test").value(), (Target{"app.test", 80, "app.test", "/"}));
  EXPECT_EQ(parse_target("http://app.test:8080/a/b?c=d#e").value(),
            (Target{"app.test", 8080, "app.test:8080", "/a/b?c=d"}));
  EXPECT_EQ(parse_target("http://app.test?q").value(), (Target{"app.test", 80, "app.test", "/?q"}));
  EXPECT_EQ(parse_target("http://[::1]:81/").value(), (Target{"::1", 81, "[::1]:81", "/"}));
  EXPECT_EQ(parse_target("http://[::1]/").value(), (Target{"::1", 80, "[::1]", "/"}));
}

TEST(Targets, refuses_what_is_no_url) {
  for (const char* url : {"", "app.test", "ftp://a", "http://", "http:///x", "http://a:0/",
                          "http://a:99999/", "http://a:b/", "http://a/ b", "http://a/\r\nHost: b"})
    EXPECT_EQ(parse_target(url).error().fault, Fault::invalid) << url;
  EXPECT_EQ(parse_target("wss://a/b").value(), (Target{"a", 443, "a", "/b", true}));
  EXPECT_EQ(parse_target("http://me:secret@a/").error().fault, Fault::unsupported);
}

TEST(Targets, patterns_give_every_combination_in_order) {
  EXPECT_EQ(expand_pattern("plain").value(), (std::vector<std::string>{"plain"}));
  EXPECT_EQ(expand_pattern("a{1..3}").value(), (std::vector<std::string>{"a1", "a2", "a3"}));
  EXPECT_EQ(expand_pattern("{08..10}-{1..2}").value(),
            (std::vector<std::string>{"08-1", "08-2", "09-1", "09-2", "10-1", "10-2"}));
}

TEST(Targets, refuses_patterns_that_are_none_or_too_large) {
  for (const char* pattern :
       {"a{", "a}", "{1..}", "{..2}", "{2..1}", "{a..b}", "{1}", "{1..2", "{-1..2}"})
    EXPECT_EQ(expand_pattern(pattern).error().fault, Fault::invalid) << pattern;
  EXPECT_EQ(expand_pattern("{1..1000}{1..1001}").error().fault, Fault::limit);
  EXPECT_EQ(expand_pattern("{0..18446744073709551615}").error().fault, Fault::limit);
  EXPECT_EQ(expand_pattern("{1..1000}{1..1000}").value().size(), targets_max);
}

TEST(Targets, a_file_names_its_bad_line) {
  std::vector<Target> targets;
  ASSERT_TRUE(append_target_lines(targets, "# list\n\nhttp://a/{1..2}\r\nhttp://b/\n", "list"));
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[1].path, "/2");
  EXPECT_EQ(targets[2].host, "b");
  const auto bad = append_target_lines(targets, "http://a/\nnope\n", "list");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().detail.substr(0, 7), "list:2:");
  EXPECT_FALSE(append_target_lines(targets, "# nothing\n", "list"));
}

}  // namespace
}  // namespace causeway::load
