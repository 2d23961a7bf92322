#include "http2/memory.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>

#include "base/check.h"
#include "base/sanitizers.h"

namespace causeway::http2 {
namespace {

// In front of each block; keeps the alignment that malloc promises.
struct alignas(std::max_align_t) BlockHead {
  size_t size;  // without it
  size_t size_class;
};

constexpr size_t smallest_bits = 5;

// A block that is given out again would hide a use after free.
constexpr bool keeps_blocks = !is_sanitized;

size_t class_of(size_t size) {
  const size_t bits = std::bit_width(std::max<size_t>(size, 1) - 1);
  return bits <= smallest_bits ? 0 : bits - smallest_bits;
}

BlockHead* head_of(void* block) { return static_cast<BlockHead*>(block) - 1; }

}  // namespace

struct Memory::Spare {
  Spare* next;
};

Memory::Memory(size_t kept_bytes_max) : kept_bytes_max_(kept_bytes_max) {}

Memory::~Memory() {
  for (Spare* spare : spares_) {
    while (spare != nullptr) {
      Spare* const next = spare->next;
      ::operator delete(head_of(spare));
      spare = next;
    }
  }
}

void* Memory::allocate(size_t size) {
  const size_t size_class = class_of(size);
  if (size_class < classes && spares_[size_class] != nullptr) {
    Spare* const spare = spares_[size_class];
    spares_[size_class] = spare->next;
    kept_bytes_ -= head_of(spare)->size;
    return spare;
  }
  const size_t room = size_class < classes ? size_t{1} << (size_class + smallest_bits) : size;
  auto* head = static_cast<BlockHead*>(::operator new(sizeof(BlockHead) + room));
  head->size = room;
  head->size_class = size_class;
  return head + 1;
}

void Memory::free(void* block) noexcept {
  if (block == nullptr) return;
  BlockHead* const head = head_of(block);
  if (!keeps_blocks || head->size_class >= classes || kept_bytes_ + head->size > kept_bytes_max_)
    return ::operator delete(head);
  kept_bytes_ += head->size;
  auto* spare = static_cast<Spare*>(block);
  spare->next = spares_[head->size_class];
  spares_[head->size_class] = spare;
}

void* Memory::reallocate(void* block, size_t size) {
  if (block == nullptr) return allocate(size);
  const size_t had = head_of(block)->size;
  if (size <= had && size > 0) return block;
  void* const grown = allocate(size);
  if (grown != nullptr) std::memcpy(grown, block, had);
  free(block);
  return grown;
}

}  // namespace causeway::http2
