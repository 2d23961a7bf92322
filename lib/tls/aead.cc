#include "tls/aead.h"

#include <openssl/aead.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"

namespace causeway::tls {
namespace {

const uint8_t* aead_octets(std::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

}  // namespace

void pbkdf2_sha256(std::string_view secret, std::string_view salt, uint32_t rounds,
                   std::span<std::byte> out) noexcept {
  CHECK(PKCS5_PBKDF2_HMAC(secret.data(), secret.size(), aead_octets(salt), salt.size(), rounds,
                          EVP_sha256(), out.size(),
                          reinterpret_cast<uint8_t*>(out.data())) == 1);  // fails without memory
}

std::array<std::byte, 32> hmac_sha256(std::string_view key, std::string_view text) noexcept {
  std::array<std::byte, 32> out;
  unsigned size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), key.size(), aead_octets(text), text.size(),
             reinterpret_cast<uint8_t*>(out.data()), &size) != nullptr);
  CHECK(size == out.size());
  return out;
}

template <size_t KeyBytes>
struct AesGcm<KeyBytes>::Context {
  EVP_AEAD_CTX aead;
  ~Context() { EVP_AEAD_CTX_cleanup(&aead); }
};

template <size_t KeyBytes>
AesGcm<KeyBytes>::AesGcm(const Key& key) : context_(std::make_unique<Context>()) {
  CHECK(EVP_AEAD_CTX_init(
            &context_->aead, KeyBytes == 16 ? EVP_aead_aes_128_gcm() : EVP_aead_aes_256_gcm(),
            reinterpret_cast<const uint8_t*>(key.data()), key.size(), tag_bytes, nullptr) == 1);
}

template <size_t KeyBytes>
AesGcm<KeyBytes>::AesGcm(AesGcm&&) noexcept = default;
template <size_t KeyBytes>
AesGcm<KeyBytes>& AesGcm<KeyBytes>::operator=(AesGcm&&) noexcept = default;
template <size_t KeyBytes>
AesGcm<KeyBytes>::~AesGcm() = default;

template <size_t KeyBytes>
std::string AesGcm<KeyBytes>::seal(const Nonce& nonce, std::string_view text,
                                   std::string_view about) const {
  std::string sealed(text.size() + tag_bytes, '\0');
  size_t size = 0;
  CHECK(EVP_AEAD_CTX_seal(&context_->aead, reinterpret_cast<uint8_t*>(sealed.data()), &size,
                          sealed.size(), reinterpret_cast<const uint8_t*>(nonce.data()),
                          nonce.size(), aead_octets(text), text.size(), aead_octets(about),
                          about.size()) == 1);
  CHECK(size == sealed.size());
  return sealed;
}

template <size_t KeyBytes>
Result<std::string> AesGcm<KeyBytes>::open(const Nonce& nonce, std::string_view sealed,
                                           std::string_view about) const {
  std::string text(sealed.size(), '\0');
  size_t size = 0;
  if (EVP_AEAD_CTX_open(&context_->aead, reinterpret_cast<uint8_t*>(text.data()), &size,
                        text.size(), reinterpret_cast<const uint8_t*>(nonce.data()), nonce.size(),
                        aead_octets(sealed), sealed.size(), aead_octets(about),
                        about.size()) != 1) {
    return Error{.fault = Fault::invalid,
                 .side = Side::client,
                 .detail = "cipher: message authentication failed"};
  }
  text.resize(size);
  return text;
}

template class AesGcm<16>;
template class AesGcm<32>;

}  // namespace causeway::tls
