#include "router/route/allocation_count.h"

#include <cstdlib>
#include <new>

namespace {
thread_local size_t allocation_count = 0;
}

void* operator new(size_t size) {
  ++allocation_count;
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  std::abort();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }

namespace causeway::router {

size_t allocations_so_far() noexcept { return allocation_count; }

}  // namespace causeway::router
