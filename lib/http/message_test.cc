#include "http/message.h"

#include <ctime>
#include <string>

#include <gtest/gtest.h>

using namespace causeway::http;

namespace {

std::string date(int64_t seconds) {
  char text[kDateBytes];
  format_date(seconds, text);
  return {text, kDateBytes};
}

TEST(Message, dates) {
  EXPECT_EQ(date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  for (int64_t seconds = 0; seconds < 8'000'000'000; seconds += 86400 * 13 + 3607) {
    const std::time_t time = seconds;
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[64];
    const size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    ASSERT_EQ(date(seconds), std::string(text, size));
  }
}

TEST(Message, reasons) {
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(299), "");
}

}  // namespace
