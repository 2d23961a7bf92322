#include "control/store/row_cipher.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "tls/aead.h"
#include "tls/digest.h"

namespace causeway::store {

namespace {

constexpr char kSealedFormat = 2;
constexpr size_t kLabelBytesMax = 127;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error bad_key(std::string detail) { return {.fault = Fault::invalid, .detail = std::move(detail)}; }

// What stands before the nonce.
std::string row_head(const std::string& label) {
  std::string head{kSealedFormat, static_cast<char>(label.size())};
  return head + label;
}

// Label and the rest behind it; nothing for what is no sealed row.
std::optional<std::pair<std::string_view, std::string_view>> split_row(std::string_view stored) {
  if (stored.size() < 2 || stored[0] != kSealedFormat) return std::nullopt;
  const size_t label_bytes = static_cast<unsigned char>(stored[1]);
  if (stored.size() < 2 + label_bytes) return std::nullopt;
  return std::pair(stored.substr(2, label_bytes), stored.substr(2 + label_bytes));
}

}  // namespace

struct KeyRing::Key {
  explicit Key(const std::string& passphrase)
      : secret(tls::sha256(passphrase)),
        nonces(tls::hmac_sha256(text_of(secret), "causeway row nonce")),
        cipher(secret) {}

  tls::Aes256Gcm::Nonce nonce_of(std::string_view about, std::string_view text) const {
    std::string input(about);
    input.append(1, '\0').append(text);
    const auto digest = tls::hmac_sha256(text_of(nonces), input);
    tls::Aes256Gcm::Nonce nonce;
    std::copy_n(digest.begin(), nonce.size(), nonce.begin());
    return nonce;
  }

  std::array<std::byte, 32> secret, nonces;
  tls::Aes256Gcm cipher;
};

KeyRing::KeyRing() = default;
KeyRing::~KeyRing() = default;

Result<std::unique_ptr<const KeyRing>> KeyRing::make(
    const std::map<std::string, std::string>& passphrases, const std::string& active_label) {
  std::unique_ptr<KeyRing> ring(new KeyRing());
  for (const auto& [label, passphrase] : passphrases) {
    if (label.empty() || label.size() > kLabelBytesMax)
      return bad_key("label \"" + label + "\" is not of 1 to 127 bytes");
    if (passphrase.empty()) return bad_key("the passphrase of \"" + label + "\" is empty");
    ring->keys_.emplace(label, std::make_unique<Key>(passphrase));
  }
  if (!ring->knows(active_label))
    return bad_key("the active key \"" + active_label + "\" is not among the keys");
  ring->active_label_ = active_label;
  return std::unique_ptr<const KeyRing>(std::move(ring));
}

bool KeyRing::knows(const std::string& label) const { return keys_.contains(label); }

std::string KeyRing::check_value(const std::string& label) const {
  const auto digest =
      tls::hmac_sha256(text_of(keys_.at(label)->nonces), "causeway key check " + label);
  return tls::hex(std::span(digest).first(16));
}

std::string KeyRing::seal(const std::string& label, std::string_view about,
                          std::string_view text) const {
  const Key& key = *keys_.at(label);
  const auto nonce = key.nonce_of(about, text);
  return row_head(label).append(text_of(nonce)).append(key.cipher.seal(nonce, text, about));
}

Result<std::string> KeyRing::open(std::string_view about, std::string_view sealed) const {
  const auto parts = split_row(sealed);
  if (!parts) return bad_key("not a sealed row");
  const auto key = keys_.find(parts->first);
  if (key == keys_.end())
    return Error{.fault = Fault::not_found,
                 .detail = "sealed with an unknown key \"" + std::string(parts->first) + "\""};
  tls::Aes256Gcm::Nonce nonce;
  if (parts->second.size() < nonce.size()) return bad_key("a sealed row that is cut off");
  const auto bytes = std::as_bytes(std::span(parts->second));
  std::copy_n(bytes.begin(), nonce.size(), nonce.begin());
  return key->second->cipher.open(nonce, parts->second.substr(nonce.size()), about);
}

std::string label_of_row(std::string_view stored) {
  const auto parts = split_row(stored);
  return parts ? std::string(parts->first) : "";
}

}  // namespace causeway::store
