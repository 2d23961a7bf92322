#include "tls/name_pattern.h"

#include <gtest/gtest.h>

namespace causeway::tls {
namespace {

TEST(NamePatternTest, a_name_covers_itself_alone) {
  EXPECT_EQ(bytes_covered("a.example.com", "a.example.com"), 13u);
  EXPECT_EQ(bytes_covered("a.example.com", "A.Example.COM"), 13u);
  EXPECT_EQ(bytes_covered("a.example.com", "b.example.com"), 0u);
  EXPECT_EQ(bytes_covered("a.example.com", "x.a.example.com"), 0u);
  EXPECT_EQ(bytes_covered("a.example.com", ""), 0u);
}

TEST(NamePatternTest, a_star_stands_for_any_labels) {
  for (const char* name : {"a.example.com", "a.b.example.com", "A.B.EXAMPLE.COM", ".example.com",
                           "*.example.com", "x.*.example.com", "a..example.com"})
    EXPECT_GT(bytes_covered("*.example.com", name), 0u) << name;
  for (const char* name : {"example.com", "a.example.com.", "aexample.com", "example.com.evil", ""})
    EXPECT_EQ(bytes_covered("*.example.com", name), 0u) << name;
}

TEST(NamePatternTest, the_longer_pattern_says_more) {
  const char* const name = "a.b.example.com";
  EXPECT_GT(bytes_covered("a.b.example.com", name), bytes_covered("*.b.example.com", name));
  EXPECT_GT(bytes_covered("*.b.example.com", name), bytes_covered("*.example.com", name));
}

}  // namespace
}  // namespace causeway::tls
