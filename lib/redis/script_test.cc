#include <gtest/gtest.h>

#include "redis/client.h"

namespace causeway::redis {
namespace {

TEST(Script, is_known_by_its_sha1) {
  EXPECT_EQ(Script("").sha1(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(Script("abc").sha1(), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Script("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").sha1(),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(Script(std::string(1'000'000, 'a')).sha1(), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(Script(std::string(55, 'x')).sha1().size(), 40u);
  EXPECT_EQ(Script(std::string(64, 'x')).source().size(), 64u);
}

}  // namespace
}  // namespace causeway::redis
