#include "router/observe/access_record.h"

#include <string>

#include <gtest/gtest.h>

namespace causeway::router {
namespace {

TEST(QuotedText, every_byte_is_seen_wherever_it_stands) {
  for (int value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool is_plain = value >= ' ' && value < 0x7f && c != '"' && c != '\\';
    for (size_t before = 0; before < 20; ++before) {
      const std::string text = std::string(before, 'a') + c + "zz~ !#[]";
      std::string quoted;
      append_quoted(quoted, text);
      if (is_plain) {
        EXPECT_EQ(quoted, "\"" + text + "\"");
      } else {
        EXPECT_EQ(quoted.substr(0, before + 2), "\"" + std::string(before, 'a') + "\\") << value;
        EXPECT_EQ(quoted.find(c == '"' || c == '\\' ? '\n' : c), std::string::npos) << value;
        EXPECT_EQ(quoted.substr(quoted.size() - 9), "zz~ !#[]\"");
      }
    }
  }
}

}  // namespace
}  // namespace causeway::router
