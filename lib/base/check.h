#pragma once

// CHECK(condition) aborts with file, line and text when an invariant of ours is broken, in every
// build; DCHECK only in builds without NDEBUG. Neither may be reachable by bytes of a peer: those
// are Results.

namespace causeway {

// Prints the broken condition to stderr and aborts. Any thread.
[[noreturn]] void check_failed(const char* file, int line, const char* condition) noexcept;

}  // namespace causeway

#define CHECK(condition)                               \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::causeway::check_failed(__FILE__, __LINE__, #condition))

#ifdef NDEBUG
#define DCHECK(condition) static_cast<void>(sizeof(static_cast<bool>(condition)))
#else
#define DCHECK(condition) CHECK(condition)
#endif
