#include "tls/digest.h"

#include <cstdint>

#include <openssl/base64.h>
#include <openssl/mem.h>
#include <openssl/sha.h>

#include "base/check.h"

namespace causeway::tls {
namespace {

const uint8_t* octets(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

}  // namespace

std::array<std::byte, 20> sha1(std::string_view bytes) noexcept {
  std::array<std::byte, 20> out;
  static_assert(out.size() == SHA_DIGEST_LENGTH);
  SHA1(octets(bytes), bytes.size(), reinterpret_cast<uint8_t*>(out.data()));
  return out;
}

std::array<std::byte, 32> sha256(std::string_view bytes) noexcept {
  std::array<std::byte, 32> out;
  static_assert(out.size() == SHA256_DIGEST_LENGTH);
  SHA256(octets(bytes), bytes.size(), reinterpret_cast<uint8_t*>(out.data()));
  return out;
}

std::string hex(std::span<const std::byte> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text += digits[value >> 4];
    text += digits[value & 0xf];
  }
  return text;
}

std::string base64(std::string_view bytes) {
  size_t size = 0;
  CHECK(EVP_EncodedLength(&size, bytes.size()) == 1);  // fails only past SIZE_MAX * 3 / 4
  std::string text(size, '\0');                        // counts the NUL that EVP_EncodeBlock writes
  text.resize(
      EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), octets(bytes), bytes.size()));
  return text;
}

std::string base64(std::span<const std::byte> bytes) {
  return base64(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Result<std::string> base64_decode(std::string_view text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  size_t size = 0;
  if (EVP_DecodeBase64(reinterpret_cast<uint8_t*>(bytes.data()), &size, bytes.size(), octets(text),
                       text.size()) != 1) {
    return Error{.fault = Fault::invalid, .side = Side::client, .detail = "not base64"};
  }
  bytes.resize(size);
  return bytes;
}

bool equal_secrets(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace causeway::tls
