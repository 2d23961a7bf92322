#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::tls {

// PBKDF2 with HMAC-SHA-256 (RFC 8018): stretches a secret into a key of `out.size()` bytes. Takes
// tens of milliseconds for 100,000 rounds. Any thread.
void pbkdf2_sha256(std::string_view secret, std::string_view salt, uint32_t rounds,
                   std::span<std::byte> out) noexcept;

// HMAC with SHA-256 (RFC 2104). Any thread.
std::array<std::byte, 32> hmac_sha256(std::string_view key, std::string_view text) noexcept;

// AES-GCM with one key (RFC 5116, AEAD_AES_128_GCM and AEAD_AES_256_GCM): texts that are secret and
// cannot be altered unnoticed. A nonce is for one text only. `about` is authenticated as well, but
// neither secret nor kept in the sealed text. Owner and thread: one; const calls from any.
template <size_t KeyBytes>
class AesGcm {
  static_assert(KeyBytes == 16 || KeyBytes == 32);

 public:
  static constexpr size_t key_bytes = KeyBytes;
  static constexpr size_t nonce_bytes = 12;
  static constexpr size_t tag_bytes = 16;
  using Key = std::array<std::byte, key_bytes>;
  using Nonce = std::array<std::byte, nonce_bytes>;

  explicit AesGcm(const Key& key);
  AesGcm(AesGcm&&) noexcept;
  AesGcm& operator=(AesGcm&&) noexcept;
  ~AesGcm();

  // The encrypted text with its tag behind it.
  std::string seal(const Nonce& nonce, std::string_view text, std::string_view about = {}) const;
  // Fault::invalid when it was not sealed with this key, nonce and `about`.
  Result<std::string> open(const Nonce& nonce, std::string_view sealed,
                           std::string_view about = {}) const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

using Aes128Gcm = AesGcm<16>;
using Aes256Gcm = AesGcm<32>;

}  // namespace causeway::tls
