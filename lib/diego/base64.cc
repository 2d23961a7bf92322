#include "diego/base64.h"

#include <array>
#include <cstdint>

namespace causeway::diego {

namespace {

constexpr std::string_view kBase64Letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<uint8_t, 256> kBase64Values = [] {
  std::array<uint8_t, 256> values{};
  for (uint8_t& value : values) value = 0xff;
  for (size_t i = 0; i < kBase64Letters.size(); ++i)
    values[static_cast<uint8_t>(kBase64Letters[i])] = static_cast<uint8_t>(i);
  return values;
}();

}  // namespace

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const uint8_t value = kBase64Values[static_cast<uint8_t>(c)];
    if (value == 0xff) return std::nullopt;
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  // Bits left over must be zero, or two texts would mean the same.
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::string base64_encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](size_t k) -> uint32_t {
      return k < bytes.size() ? static_cast<uint8_t>(bytes[k]) : 0;
    };
    const uint32_t bits = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    text += kBase64Letters[bits >> 18 & 63];
    text += kBase64Letters[bits >> 12 & 63];
    text += i + 1 < bytes.size() ? kBase64Letters[bits >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kBase64Letters[bits & 63] : '=';
  }
  return text;
}

}  // namespace causeway::diego
