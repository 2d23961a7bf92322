#pragma once

#include <cstddef>
#include <memory>

namespace causeway::http2 {

// Where the sessions of one thread get their memory: blocks of a few sizes that are kept when they
// are given back, so that streams that come and go do not touch the global heap in the steady
// state. Owner: a worker. Thread: its own. Ends after its sessions.
class Memory {
 public:
  // At most so many bytes of spare blocks are kept.
  explicit Memory(size_t kept_bytes_max = 8u << 20);
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  // As malloc, free and realloc. Never null.
  void* allocate(size_t size);
  void free(void* block) noexcept;
  void* reallocate(void* block, size_t size);

  size_t kept_bytes() const noexcept { return kept_bytes_; }

 private:
  struct Spare;

  static constexpr size_t classes = 12;  // 32 bytes ... 64 KiB
  Spare* spares_[classes] = {};
  size_t kept_bytes_ = 0;
  const size_t kept_bytes_max_;
};

}  // namespace causeway::http2
