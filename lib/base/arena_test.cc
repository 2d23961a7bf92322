#include "base/arena.h"

#include <cstdint>
#include <cstring>

#include <gtest/gtest.h>

namespace causeway {
namespace {

TEST(Arena, pieces_are_aligned_and_do_not_overlap) {
  Arena arena(256);
  char* text = static_cast<char*>(arena.allocate(3, 1));
  auto* number = static_cast<uint64_t*>(arena.allocate(8, 8));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(number) % 8, 0u);
  std::memcpy(text, "abc", 3);
  *number = ~0ULL;
  EXPECT_EQ(std::memcmp(text, "abc", 3), 0);
}

TEST(Arena, large_pieces_get_their_own_block) {
  Arena arena(256);
  (void)arena.allocate(8);
  std::span<char> large = arena.bytes(10'000);
  std::memset(large.data(), 1, large.size());
  const std::string_view small = arena.copy("still in the first block");
  EXPECT_EQ(small, "still in the first block");
  EXPECT_EQ(arena.reserved_bytes(), 10'256u);
}

TEST(Arena, reset_keeps_only_the_first_block) {
  Arena arena(256);
  for (int i = 0; i < 100; ++i) (void)arena.copy("some bytes that fill it up");
  EXPECT_GT(arena.reserved_bytes(), 256u);
  arena.reset();
  EXPECT_EQ(arena.reserved_bytes(), 256u);
  arena.release();
  EXPECT_EQ(arena.reserved_bytes(), 0u);
  EXPECT_EQ(arena.copy("again"), "again");
}

TEST(Arena, released_blocks_are_shared) {
  ArenaBlocks blocks(256, 1);
  Arena first(blocks);
  const std::string_view text = first.copy("here");
  (void)first.bytes(10'000);  // a block of its own is nobody else's
  first.release();
  EXPECT_EQ(blocks.kept(), 1u);
  Arena second(blocks);
  EXPECT_EQ(second.copy("there").data(), text.data());
  EXPECT_EQ(blocks.kept(), 0u);
  {
    Arena third(blocks);
    for (int i = 0; i < 100; ++i) (void)third.copy("some bytes that fill it up");
  }
  EXPECT_EQ(blocks.kept(), 1u);  // no more than it may keep
}

}  // namespace
}  // namespace causeway
