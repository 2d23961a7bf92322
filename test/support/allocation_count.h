#pragma once

#include <cstddef>

namespace causeway::test {

// How often this thread has called operator new. Tests only: allocation_count.cc replaces the
// operator in their binary.
size_t allocations_so_far() noexcept;

}  // namespace causeway::test
