#include "http2/library_memory.h"

#include <algorithm>

namespace causeway::http2 {

nghttp2_mem library_memory(Memory& memory) {
  nghttp2_mem made{};
  made.mem_user_data = &memory;
  made.malloc = [](size_t size, void* user) { return static_cast<Memory*>(user)->allocate(size); };
  made.free = [](void* block, void* user) { static_cast<Memory*>(user)->free(block); };
  made.calloc = [](size_t count, size_t size, void* user) {
    void* const block = static_cast<Memory*>(user)->allocate(count * size);
    if (block != nullptr) std::fill_n(static_cast<char*>(block), count * size, '\0');
    return block;
  };
  made.realloc = [](void* block, size_t size, void* user) {
    return static_cast<Memory*>(user)->reallocate(block, size);
  };
  return made;
}

}  // namespace causeway::http2
