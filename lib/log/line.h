#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "log/logger.h"

namespace causeway::log {

// Appends the line to `out`; `error`, when not null, becomes the last members of data. Of this
// folder only.
void append_line(std::string& out, Shape shape, TimeFormat time_format, WallTime time, Level level,
                 std::string_view source, std::string_view message, std::span<const Field> fields,
                 const Error* error);

}  // namespace causeway::log
