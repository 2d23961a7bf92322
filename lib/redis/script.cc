#include <array>
#include <bit>
#include <cstdint>

#include "redis/client.h"

namespace causeway::redis {
namespace {

// SHA-1 (FIPS 180-4), as the name Redis gives to a script. A name only: nothing here relies on its
// strength, and it is not worth a crypto library.
class Sha1 {
 public:
  void block(std::string_view bytes) {  // 64 bytes
    std::array<uint32_t, 80> words;
    for (size_t i = 0; i < 16; ++i) {
      words[i] = 0;
      for (size_t n = 0; n < 4; ++n)
        words[i] = words[i] << 8 | static_cast<unsigned char>(bytes[i * 4 + n]);
    }
    for (size_t i = 16; i < 80; ++i) {
      words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
    auto [a, b, c, d, e] = state_;
    for (size_t i = 0; i < 80; ++i) {
      const auto [mix, constant] = i < 20   ? std::pair((b & c) | (~b & d), 0x5A827999u)
                                   : i < 40 ? std::pair(b ^ c ^ d, 0x6ED9EBA1u)
                                   : i < 60 ? std::pair((b & c) | (b & d) | (c & d), 0x8F1BBCDCu)
                                            : std::pair(b ^ c ^ d, 0xCA62C1D6u);
      const uint32_t next = std::rotl(a, 5) + mix + e + constant + words[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    state_ = {state_[0] + a, state_[1] + b, state_[2] + c, state_[3] + d, state_[4] + e};
  }

  std::string hex() const {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const uint32_t word : state_) {
      for (int shift = 28; shift >= 0; shift -= 4) text += digits[(word >> shift) & 0xF];
    }
    return text;
  }

 private:
  std::array<uint32_t, 5> state_ = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
};

std::string sha1_of(std::string_view text) {
  std::string padded(text);
  padded += '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  const uint64_t bits = uint64_t{text.size()} * 8;
  for (int shift = 56; shift >= 0; shift -= 8) padded += static_cast<char>(bits >> shift & 0xFF);
  Sha1 sha1;
  for (size_t at = 0; at < padded.size(); at += 64)
    sha1.block(std::string_view(padded).substr(at, 64));
  return sha1.hex();
}

}  // namespace

Script::Script(std::string source) : source_(std::move(source)), sha1_(sha1_of(source_)) {}

}  // namespace causeway::redis
