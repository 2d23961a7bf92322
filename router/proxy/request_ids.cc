#include "router/proxy/request_ids.h"

namespace causeway::router {

void RequestIds::next(char* out) {
  static constexpr char hex[] = "0123456789abcdef";
  if (used_ == stock_.size()) {
    fill_(stock_);
    used_ = 0;
  }
  for (size_t i = 0; i < 16; ++i) {
    auto byte = static_cast<unsigned>(stock_[used_ + i]);
    if (i == 6) byte = (byte & 0x0f) | 0x40;
    if (i == 8) byte = (byte & 0x3f) | 0x80;
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = hex[byte >> 4];
    *out++ = hex[byte & 15];
  }
  used_ += 16;
}

}  // namespace causeway::router
