#include "test/support/allocation_count.h"

#include <cstdlib>
#include <new>

namespace {
thread_local size_t allocation_count = 0;
}

// ThreadSanitizer's runtime has operators of its own and wants no others: nothing is counted there.
#if defined(__SANITIZE_THREAD__)
#define CAUSEWAY_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#define CAUSEWAY_COUNTS_ALLOCATIONS !__has_feature(thread_sanitizer)
#else
#define CAUSEWAY_COUNTS_ALLOCATIONS 1
#endif

#if CAUSEWAY_COUNTS_ALLOCATIONS
void* operator new(size_t size) {
  ++allocation_count;
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  std::abort();
}
// std::get_temporary_buffer() asks so, and gives back by the operator below.
void* operator new(size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
#endif

namespace causeway::test {

size_t allocations_so_far() noexcept { return allocation_count; }

}  // namespace causeway::test
