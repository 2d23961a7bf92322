#include "control/store/row_cipher.h"

#include <chrono>

#include <gtest/gtest.h>

#include "control/store/row_form.h"

namespace causeway::store {
namespace {

std::unique_ptr<const KeyRing> ring(const std::map<std::string, std::string>& keys,
                                    const std::string& active) {
  return std::move(KeyRing::make(keys, active).value());
}

TEST(KeyRing, opens_what_any_of_its_keys_has_sealed) {
  const auto old = ring({{"a", "one"}}, "a");
  const auto both = ring({{"a", "one"}, {"b", "two"}}, "b");
  const std::string text("environment\0variables", 21);
  const std::string sealed = old->seal("a", "s:p", text);
  EXPECT_EQ(label_of_row(sealed), "a");
  EXPECT_EQ(sealed.find("environment"), std::string::npos);
  EXPECT_EQ(both->open("s:p", sealed).value(), text);
  const std::string anew = both->seal("b", "s:p", text);
  EXPECT_EQ(both->open("s:p", anew).value(), text);
  EXPECT_EQ(old->open("s:p", anew).error().fault, Fault::not_found);
}

TEST(KeyRing, the_same_row_looks_the_same_and_another_one_does_not) {
  const auto keys = ring({{"a", "one"}}, "a");
  EXPECT_EQ(keys->seal("a", "s:p", "text"), keys->seal("a", "s:p", "text"));
  EXPECT_NE(keys->seal("a", "s:p", "text"), keys->seal("a", "s:q", "text"));
  const std::string one = keys->seal("a", "s:p", "text1"), two = keys->seal("a", "s:p", "text2");
  EXPECT_NE(one.substr(3, 12), two.substr(3, 12)) << "a nonce is for one text only";
}

TEST(KeyRing, refuses_rows_that_were_altered_moved_or_cut) {
  const auto keys = ring({{"a", "one"}}, "a");
  const std::string sealed = keys->seal("a", "s:p", "text");
  EXPECT_FALSE(keys->open("s:q", sealed));
  for (size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(keys->open("s:p", sealed.substr(0, size))) << size;
  for (size_t at = 0; at < sealed.size(); ++at) {
    std::string altered = sealed;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    EXPECT_FALSE(keys->open("s:p", altered)) << at;
  }
  EXPECT_FALSE(ring({{"a", "guess"}}, "a")->open("s:p", sealed));
  EXPECT_NE(ring({{"a", "guess"}}, "a")->check_value("a"), keys->check_value("a"));
}

TEST(KeyRing, says_what_is_wrong_with_keys) {
  const auto problem = [](const std::map<std::string, std::string>& keys, const char* active) {
    auto made = KeyRing::make(keys, active);
    return made ? "" : made.error().detail;
  };
  EXPECT_EQ(problem({{"a", "x"}}, "a"), "");
  EXPECT_NE(problem({{"a", "x"}}, "b"), "");
  EXPECT_NE(problem({{"", "x"}}, ""), "");
  EXPECT_NE(problem({{"a", ""}}, "a"), "");
  EXPECT_NE(problem({{std::string(128, 'a'), "x"}}, "a"), "");
}

TEST(RowForm, knows_all_ways_in_which_a_row_may_lie_there) {
  const auto keys = ring({{"a", "one"}, {"b", "two"}}, "b");
  RowForm form(keys.get());
  const RowKey key{Table::actual, "p", "0"};
  EXPECT_EQ(form.forms(key, "\1row").size(), 1u);
  form.labels_in_use({"a", "b", ""});
  const auto forms = form.forms(key, "\1row");
  ASSERT_EQ(forms.size(), 3u);
  for (const auto& stored : forms) EXPECT_EQ(form.opened(key, stored), "\1row");
  EXPECT_EQ(form.stored(key, "\1row"), forms[0]);
  EXPECT_EQ(form.unreadable(), 0u);
  // Moved to another place: answered as it lies there, so that it can be compared and replaced.
  const RowKey other{Table::actual, "p", "1"};
  const std::string stray = form.opened(other, forms[0]);
  EXPECT_EQ(stray, forms[0]);
  EXPECT_EQ(form.unreadable(), 1u);
  EXPECT_EQ(form.forms(other, stray), std::vector<std::string>{stray});
  EXPECT_EQ(form.stored({Table::domain, "d"}, "x"), "x");
}

}  // namespace
}  // namespace causeway::store
