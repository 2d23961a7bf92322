#include "rpc/event_stream.h"

#include <vector>

#include <gtest/gtest.h>

namespace causeway::rpc {
namespace {

struct Seen {
  std::string id, event, data;
  friend bool operator==(const Seen&, const Seen&) = default;
};

// Feeds `bytes` in pieces of `step` and answers the events.
std::vector<Seen> parse_in_steps(std::string_view bytes, size_t step) {
  std::vector<Seen> seen;
  EventStreamParser parser(
      1000, [&](std::string_view id, std::string_view event, std::string_view data) {
        seen.push_back({std::string(id), std::string(event), std::string(data)});
        return true;
      });
  for (size_t i = 0; i < bytes.size(); i += step) EXPECT_TRUE(parser.feed(bytes.substr(i, step)));
  return seen;
}

TEST(EventStream, parses_whatever_the_pieces) {
  const std::string_view bytes =
      "\xef\xbb\xbfid: 0\nevent: a\ndata: one\n\n"
      ": a comment\r\n"
      "id: 1\r\nevent: b\r\ndata: two\r\ndata:  lines\r\n\r\n"
      "data\rdata\r\r"
      "event: dropped\n\n"
      "unknown: x\nretry: 5\ndata: kept id\n\n"
      "id\ndata: no id\n\n"
      "data: never dispatched";
  const std::vector<Seen> expected{{"0", "a", "one"},
                                   {"1", "b", "two\n lines"},
                                   {"1", "", "\n"},
                                   {"1", "", "kept id"},
                                   {"", "", "no id"}};
  for (size_t step = 1; step <= bytes.size(); ++step)
    EXPECT_EQ(parse_in_steps(bytes, step), expected) << step;
}

TEST(EventStream, written_events_are_read_back) {
  std::string text;
  append_event_id(text, "7");
  append_event_text(text, "created", "line one\nline two\n");
  append_event_id(text, "");
  append_event_text(text, "", "");
  EXPECT_EQ(parse_in_steps(text, text.size()),
            (std::vector<Seen>{{"7", "created", "line one\nline two\n"}, {"7", "", ""}}));
}

TEST(EventStream, too_long_an_event_is_a_limit) {
  for (const bool in_lines : {false, true}) {
    EventStreamParser parser(
        100, [](std::string_view, std::string_view, std::string_view) { return true; });
    Result<void> fed;
    for (int i = 0; i < 20 && fed; ++i)
      fed = parser.feed(in_lines ? "data: 123456\n" : "data: 123456");
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().fault, Fault::limit);
  }
}

TEST(EventStream, stops_when_told) {
  int count = 0;
  EventStreamParser parser(
      100, [&](std::string_view, std::string_view, std::string_view) { return ++count < 2; });
  EXPECT_TRUE(parser.feed("data: 1\n\ndata: 2\n\ndata: 3\n\n"));
  EXPECT_TRUE(parser.feed("data: 4\n\n"));
  EXPECT_EQ(count, 2);
}

}  // namespace
}  // namespace causeway::rpc
