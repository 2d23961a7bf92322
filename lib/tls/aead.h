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

// AES-128-GCM with one key (RFC 5116, AEAD_AES_128_GCM): texts that are secret and cannot be
// altered unnoticed. A nonce is for one text only. Owner and thread: one; const calls from any.
class Aes128Gcm {
 public:
  static constexpr size_t key_bytes = 16;
  static constexpr size_t nonce_bytes = 12;
  static constexpr size_t tag_bytes = 16;
  using Key = std::array<std::byte, key_bytes>;
  using Nonce = std::array<std::byte, nonce_bytes>;

  explicit Aes128Gcm(const Key& key);
  Aes128Gcm(Aes128Gcm&&) noexcept;
  Aes128Gcm& operator=(Aes128Gcm&&) noexcept;
  ~Aes128Gcm();

  // The encrypted text with its tag behind it.
  std::string seal(const Nonce& nonce, std::string_view text) const;
  // Fault::invalid when it was not sealed with this key and nonce.
  Result<std::string> open(const Nonce& nonce, std::string_view sealed) const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// AES-256-GCM with one key (AEAD_AES_256_GCM); `about` is authenticated, but neither secret nor
// kept in the sealed text. Otherwise as Aes128Gcm.
class Aes256Gcm {
 public:
  static constexpr size_t key_bytes = 32;
  static constexpr size_t nonce_bytes = 12;
  static constexpr size_t tag_bytes = 16;
  using Key = std::array<std::byte, key_bytes>;
  using Nonce = std::array<std::byte, nonce_bytes>;

  explicit Aes256Gcm(const Key& key);
  Aes256Gcm(Aes256Gcm&&) noexcept;
  Aes256Gcm& operator=(Aes256Gcm&&) noexcept;
  ~Aes256Gcm();

  // The encrypted text with its tag behind it.
  std::string seal(const Nonce& nonce, std::string_view text, std::string_view about) const;
  // Fault::invalid when it was not sealed with this key, nonce and `about`.
  Result<std::string> open(const Nonce& nonce, std::string_view sealed,
                           std::string_view about) const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace causeway::tls
