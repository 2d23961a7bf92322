#include "base/arena.h"

#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace causeway {

Arena::Arena(size_t block_bytes) : block_bytes_(block_bytes) { CHECK(block_bytes >= 64); }

void* Arena::allocate(size_t size, size_t align) {
  DCHECK(align != 0 && (align & (align - 1)) == 0 && align <= alignof(std::max_align_t));
  if (size == 0) size = 1;
  auto address = reinterpret_cast<uintptr_t>(cursor_);
  size_t padding = (align - address % align) % align;
  if (cursor_ == nullptr || size + padding > static_cast<size_t>(limit_ - cursor_)) {
    // A large piece gets a block of its own, and the current block goes on being filled.
    const bool own_block = size > block_bytes_ / 4 && cursor_ != nullptr;
    const size_t bytes = size > block_bytes_ ? size : (own_block ? size : block_bytes_);
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(bytes), bytes});
    reserved_bytes_ += bytes;
    std::byte* start = blocks_.back().bytes.get();
    if (own_block) return start;
    cursor_ = start;
    limit_ = start + bytes;
    padding = 0;
  }
  std::byte* result = cursor_ + padding;
  cursor_ = result + size;
  return result;
}

std::string_view Arena::copy(std::string_view text) {
  char* place = static_cast<char*>(allocate(text.size(), 1));
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

void Arena::reset() noexcept {
  if (blocks_.empty()) return;
  blocks_.resize(1);
  reserved_bytes_ = blocks_[0].size;
  cursor_ = blocks_[0].bytes.get();
  limit_ = cursor_ + blocks_[0].size;
}

void Arena::release() noexcept {
  blocks_.clear();
  reserved_bytes_ = 0;
  cursor_ = limit_ = nullptr;
}

}  // namespace causeway
