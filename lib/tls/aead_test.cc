#include "tls/aead.h"

#include <charconv>
#include <string>

#include <gtest/gtest.h>

#include "tls/digest.h"

namespace causeway::tls {
namespace {

template <size_t N>
std::array<std::byte, N> from_hex(std::string_view digits) {
  std::array<std::byte, N> bytes{};
  for (size_t i = 0; i < N; ++i) {
    unsigned value = 0;
    const char* const first = digits.data() + 2 * i;
    EXPECT_EQ(std::from_chars(first, first + 2, value, 16).ptr, first + 2);
    bytes[i] = std::byte(value);
  }
  return bytes;
}

std::string hex_of(std::string_view bytes) {
  return hex(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

TEST(Pbkdf2Test, matches_the_published_vectors) {
  // RFC 7914, section 11.
  std::array<std::byte, 64> key;
  pbkdf2_sha256("passwd", "salt", 1, key);
  EXPECT_EQ(hex(key),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacb"
            "c49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
  // As another implementation (Python's hashlib) has it.
  std::array<std::byte, 16> short_key;
  pbkdf2_sha256("secret", "", 100'001, short_key);
  EXPECT_EQ(hex(short_key), "1f2b6e613f704b5c5602c46ba1ab02a7");
}

TEST(Aes128GcmTest, matches_the_published_vectors) {
  // "The Galois/Counter Mode of Operation", McGrew and Viega, test case 3.
  const Aes128Gcm aead(from_hex<16>("feffe9928665731c6d6a8f9467308308"));
  const auto nonce = from_hex<12>("cafebabefacedbaddecaf888");
  const auto text = from_hex<64>(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255");
  const std::string_view plain(reinterpret_cast<const char*>(text.data()), text.size());
  const std::string sealed = aead.seal(nonce, plain);
  EXPECT_EQ(hex_of(sealed),
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
            "4d5c2af327cd64a62cf35abd2ba6fab4");
  EXPECT_EQ(aead.open(nonce, sealed).value(), plain);
}

TEST(Aes128GcmTest, refuses_what_was_altered_or_sealed_otherwise) {
  const Aes128Gcm aead(from_hex<16>("00112233445566778899aabbccddeeff"));
  const Aes128Gcm other(from_hex<16>("10112233445566778899aabbccddeeff"));
  const Aes128Gcm::Nonce nonce{};
  const std::string sealed = aead.seal(nonce, "text");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string altered = sealed;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    EXPECT_FALSE(aead.open(nonce, altered)) << i;
    EXPECT_FALSE(aead.open(nonce, sealed.substr(0, i))) << i;
  }
  EXPECT_FALSE(other.open(nonce, sealed));
  EXPECT_FALSE(aead.open(Aes128Gcm::Nonce{std::byte{1}}, sealed));
  EXPECT_EQ(aead.open(nonce, aead.seal(nonce, "")).value(), "");
}

TEST(HmacTest, matches_the_published_vectors) {
  // RFC 4231, test case 2.
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Aes256GcmTest, matches_the_published_vectors) {
  // "The Galois/Counter Mode of Operation", McGrew and Viega, test case 16.
  const Aes256Gcm aead(
      from_hex<32>("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const auto nonce = from_hex<12>("cafebabefacedbaddecaf888");
  const auto text = from_hex<60>(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const auto about_bytes = from_hex<20>("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string_view plain(reinterpret_cast<const char*>(text.data()), text.size());
  const std::string_view about(reinterpret_cast<const char*>(about_bytes.data()),
                               about_bytes.size());
  const std::string sealed = aead.seal(nonce, plain, about);
  EXPECT_EQ(hex_of(sealed),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(aead.open(nonce, sealed, about).value(), plain);
  EXPECT_FALSE(aead.open(nonce, sealed, "other"));
  EXPECT_FALSE(aead.open(nonce, sealed.substr(0, sealed.size() - 1), about));
  EXPECT_FALSE(aead.open(nonce, "", about));
}

}  // namespace
}  // namespace causeway::tls
