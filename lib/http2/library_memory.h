#pragma once

// Internal to lib/http2: how the library is told of our memory.

#include <nghttp2/nghttp2.h>

#include "http2/memory.h"

namespace causeway::http2 {

nghttp2_mem library_memory(Memory& memory);

}  // namespace causeway::http2
