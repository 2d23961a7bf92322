#include "router/workbench/request_ids.h"

#include <algorithm>

#include "base/check.h"

namespace causeway::router {

void RequestIds::take(std::span<std::byte> out) {
  DCHECK(out.size() <= stock_.size());
  if (stock_.size() - used_ < out.size()) {
    fill_(stock_);
    used_ = 0;
  }
  std::copy_n(stock_.begin() + static_cast<ptrdiff_t>(used_), out.size(), out.begin());
  used_ += out.size();
}

void RequestIds::write_trace(std::string_view trace, char* out) {
  for (size_t i = 0; i < trace.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) *out++ = '-';
    const char c = trace[i];
    *out++ = c >= 'A' && c <= 'F' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
}

void RequestIds::next(char* out) {
  static constexpr char hex[] = "0123456789abcdef";
  std::array<std::byte, 16> bytes;
  take(bytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto byte = static_cast<unsigned>(bytes[i]);
    if (i == 6) byte = (byte & 0x0f) | 0x40;
    if (i == 8) byte = (byte & 0x3f) | 0x80;
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = hex[byte >> 4];
    *out++ = hex[byte & 15];
  }
}

}  // namespace causeway::router
