#include "cell/shim/line_splitter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace causeway::shim {
namespace {

using Lines = std::vector<std::string>;

struct Collected {
  LineSplitter splitter;
  Lines lines;
  explicit Collected(size_t bytes_max) : splitter(bytes_max) {}
  void feed(std::string_view bytes) {
    splitter.feed(bytes, [this](std::string_view line) { lines.emplace_back(line); });
  }
  void finish() {
    splitter.finish([this](std::string_view line) { lines.emplace_back(line); });
  }
};

TEST(LineSplitter, cuts_at_newline_and_carriage_return_and_leaves_empty_lines_out) {
  Collected out(100);
  out.feed("one\ntwo\r\n\nthree\rfour");
  EXPECT_EQ(out.lines, (Lines{"one", "two", "three"}));
  out.finish();
  EXPECT_EQ(out.lines.back(), "four");
}

TEST(LineSplitter, joins_a_line_that_came_in_pieces) {
  Collected out(100);
  for (const char* piece : {"he", "l", "lo\nwor", "ld\n"}) out.feed(piece);
  EXPECT_EQ(out.lines, (Lines{"hello", "world"}));
}

TEST(LineSplitter, splits_what_is_longer_than_the_bound) {
  Collected out(4);
  out.feed("abcdefghij\nk");
  EXPECT_EQ(out.lines, (Lines{"abcd", "efgh", "ij"}));
  out.feed("lmnop");
  out.finish();
  EXPECT_EQ(out.lines, (Lines{"abcd", "efgh", "ij", "klmn", "op"}));
}

TEST(LineSplitter, a_line_of_exactly_the_bound_stays_whole) {
  Collected out(4);
  out.feed("abcd\nefgh");
  out.finish();
  EXPECT_EQ(out.lines, (Lines{"abcd", "efgh"}));
}

}  // namespace
}  // namespace causeway::shim
