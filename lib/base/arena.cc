#include "base/arena.h"

#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace causeway {

ArenaBlocks::ArenaBlocks(size_t block_bytes, size_t kept_max)
    : block_bytes_(block_bytes), kept_max_(kept_max) {
  CHECK(block_bytes >= 64);
}

std::unique_ptr<std::byte[]> ArenaBlocks::take() {
  if (kept_.empty()) return std::make_unique_for_overwrite<std::byte[]>(block_bytes_);
  std::unique_ptr<std::byte[]> block = std::move(kept_.back());
  kept_.pop_back();
  return block;
}

void ArenaBlocks::give(std::unique_ptr<std::byte[]> block) noexcept {
  if (kept_.size() < kept_max_) kept_.push_back(std::move(block));
}

Arena::Arena(size_t block_bytes) : block_bytes_(block_bytes) { CHECK(block_bytes >= 64); }

std::byte* Arena::add_block(size_t size) {
  const bool is_ordinary = size == block_bytes_;
  blocks_.push_back({is_ordinary && shared_ != nullptr
                         ? shared_->take()
                         : std::make_unique_for_overwrite<std::byte[]>(size),
                     size});
  reserved_bytes_ += size;
  return blocks_.back().bytes.get();
}

void Arena::drop_last_block() noexcept {
  Block& last = blocks_.back();
  reserved_bytes_ -= last.size;
  if (shared_ != nullptr && last.size == block_bytes_) shared_->give(std::move(last.bytes));
  blocks_.pop_back();
}

void* Arena::allocate_elsewhere(size_t size, size_t align) {
  DCHECK(align != 0 && (align & (align - 1)) == 0 && align <= alignof(std::max_align_t));
  if (size == 0) return allocate(1, align);
  // A large piece gets a block of its own, and the current block goes on being filled.
  if (size > block_bytes_ / 4 && (cursor_ != nullptr || size > block_bytes_))
    return add_block(size);
  cursor_ = add_block(block_bytes_);
  limit_ = cursor_ + block_bytes_;
  std::byte* const result = cursor_;
  cursor_ += size;
  return result;
}

std::string_view Arena::copy(std::string_view text) {
  char* place = static_cast<char*>(allocate(text.size(), 1));
  if (!text.empty()) std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

void Arena::reset() noexcept {
  if (blocks_.empty()) return;
  while (blocks_.size() > 1) drop_last_block();
  cursor_ = blocks_[0].bytes.get();
  limit_ = cursor_ + blocks_[0].size;
}

void Arena::release() noexcept {
  while (!blocks_.empty()) drop_last_block();
  cursor_ = limit_ = nullptr;
}

}  // namespace causeway
