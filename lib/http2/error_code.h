#pragma once

#include <cstdint>

namespace causeway::http2 {

// Why a stream or a connection ends (RFC 9113 section 7).
enum class ErrorCode : uint32_t {
  no_error = 0,
  protocol_error = 1,
  internal_error = 2,
  flow_control_error = 3,
  stream_closed = 5,
  refused_stream = 7,
  cancel = 8,
  enhance_your_calm = 11,
};

}  // namespace causeway::http2
