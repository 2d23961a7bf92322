#include "tls/random.h"

#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>

#include "tls/version.h"

namespace causeway::tls {
namespace {

TEST(RandomBytes, fills_the_whole_span) {
  // Each byte must change at some time: 64 rounds leave one unchanged with probability 2^-512.
  std::array<std::byte, 33> seen{};
  for (int round = 0; round < 64; ++round) {
    std::array<std::byte, 33> bytes{};
    random_bytes(bytes);
    for (size_t i = 0; i < bytes.size(); ++i) seen[i] |= bytes[i];
  }
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](std::byte b) { return b != std::byte{0}; }));
  random_bytes({});
}

TEST(RandomUuid, is_version_4_and_never_the_same) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = random_uuid();
    ASSERT_EQ(uuid.size(), 36u);
    for (size_t at = 0; at < uuid.size(); ++at) {
      const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
      EXPECT_EQ(uuid[at] == '-', dash);
      if (!dash) {
        EXPECT_NE(std::string_view("0123456789abcdef").find(uuid[at]), std::string_view::npos);
      }
    }
    EXPECT_EQ(uuid[14], '4');
    EXPECT_NE(std::string_view("89ab").find(uuid[19]), std::string_view::npos);
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST(LibraryVersion, names_the_package) {
  EXPECT_TRUE(library_version().starts_with("BoringSSL ")) << library_version();
  EXPECT_NE(library_version().find("+r"), std::string_view::npos) << library_version();
}

}  // namespace
}  // namespace causeway::tls
