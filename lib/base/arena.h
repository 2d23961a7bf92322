#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace causeway {

// Memory for things that end together, such as all headers of one request. Grows by blocks, frees everything at once
// in reset() or its destructor; runs no destructors, so it takes trivially destructible objects only.
// reset() keeps the first block: an arena that is reused does not touch the global heap in the steady state.
// Owner: whoever's things it holds. Thread: its owner's.
class Arena {
 public:
  // `block_bytes`: size of the first and of every ordinary block; larger requests get a block of their own.
  explicit Arena(size_t block_bytes = 4096);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Never null; size 0 gives a unique non-null pointer. `align` is a power of two <= 16.
  void* allocate(size_t size, size_t align = alignof(std::max_align_t));

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
  // Frees everything, also the first block: for owners that go idle.
  void release() noexcept;

  // Bytes taken from the global heap at present.
  size_t reserved_bytes() const noexcept { return reserved_bytes_; }

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };

  size_t block_bytes_;
  size_t reserved_bytes_ = 0;
  std::byte* cursor_ = nullptr;
  std::byte* limit_ = nullptr;
  std::vector<Block> blocks_;
};

}  // namespace causeway
