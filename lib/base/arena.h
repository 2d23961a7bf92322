#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace causeway {

// Spare blocks that the arenas of one thread hand to each other, so that an arena that is released
// whenever its owner goes idle does not touch the global heap in the steady state either. Owner:
// the thread's. Thread: one. Ends after its arenas.
class ArenaBlocks {
 public:
  // At most `kept_max` spare blocks are kept.
  explicit ArenaBlocks(size_t block_bytes = 4096, size_t kept_max = 1024);
  ArenaBlocks(const ArenaBlocks&) = delete;
  ArenaBlocks& operator=(const ArenaBlocks&) = delete;

  size_t block_bytes() const noexcept { return block_bytes_; }
  size_t kept() const noexcept { return kept_.size(); }
  // A block of block_bytes().
  std::unique_ptr<std::byte[]> take();
  void give(std::unique_ptr<std::byte[]> block) noexcept;

 private:
  const size_t block_bytes_;
  const size_t kept_max_;
  std::vector<std::unique_ptr<std::byte[]>> kept_;
};

// Memory for things that end together, such as all headers of one request. Grows by blocks, frees
// everything at once in reset() or its destructor; runs no destructors, so it takes trivially
// destructible objects only. reset() keeps the first block: an arena that is reused does not touch
// the global heap in the steady state. Owner: whoever's things it holds. Thread: its owner's.
class Arena {
 public:
  // `block_bytes`: size of the first and of every ordinary block; larger requests get a block of
  // their own.
  explicit Arena(size_t block_bytes = 4096);
  // Ordinary blocks come from `blocks` and go back to it.
  explicit Arena(ArenaBlocks& blocks) : block_bytes_(blocks.block_bytes()), shared_(&blocks) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { release(); }

  // Never null; size 0 gives a unique non-null pointer. `align` is a power of two <= 16.
  void* allocate(size_t size, size_t align = alignof(std::max_align_t)) {
    const size_t padding = (0 - reinterpret_cast<uintptr_t>(cursor_)) & (align - 1);
    if (size != 0 && size + padding <= static_cast<size_t>(limit_ - cursor_)) {
      std::byte* const result = cursor_ + padding;
      cursor_ = result + size;
      return result;
    }
    return allocate_elsewhere(size, align);
  }

  // A copy of `text` that lives until reset().
  std::string_view copy(std::string_view text);
  std::span<char> bytes(size_t size) { return {static_cast<char*>(allocate(size, 1)), size}; }

  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }

  // Frees all but the first block. Everything handed out before is invalid afterwards.
  void reset() noexcept;
  // Frees everything, also the first block (or hands it to the shared ones): for owners that go
  // idle.
  void release() noexcept;

  // Bytes taken from the global heap at present.
  size_t reserved_bytes() const noexcept { return reserved_bytes_; }

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };

  void* allocate_elsewhere(size_t size, size_t align);
  std::byte* add_block(size_t size);
  void drop_last_block() noexcept;

  size_t block_bytes_;
  ArenaBlocks* shared_ = nullptr;
  size_t reserved_bytes_ = 0;
  std::byte* cursor_ = nullptr;
  std::byte* limit_ = nullptr;
  std::vector<Block> blocks_;
};

}  // namespace causeway
