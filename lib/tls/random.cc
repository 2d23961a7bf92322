#include "tls/random.h"

#include <array>
#include <cstdint>

#include <openssl/rand.h>

#include "base/check.h"

namespace causeway::tls {

void random_bytes(std::span<std::byte> out) noexcept {
  // Never fails: BoringSSL aborts when the kernel gives no entropy.
  CHECK(RAND_bytes(reinterpret_cast<uint8_t*>(out.data()), out.size()) == 1);
}

std::string random_uuid() {
  std::array<std::byte, 16> bytes;
  random_bytes(bytes);
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};  // version 4
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};  // the RFC's variant
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const auto value = std::to_integer<unsigned>(bytes[i]);
    text += digits[value >> 4];
    text += digits[value & 0xf];
  }
  return text;
}

}  // namespace causeway::tls
