#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace causeway::store {

// The keys that rows are sealed with at rest, by label: one is active (for writing), all open. A
// sealed row is byte 2, the length of the label, the label, the nonce, and AES-256-GCM's text with
// its tag; what the row is about (its key) is authenticated too, so rows cannot change places. The
// nonce is a keyed digest of the row and its place: the same content gives the same bytes, which is
// what commits compare. Immutable. Owner: main(). Any thread.
class KeyRing {
 public:
  // Passphrases by label. Fault::invalid with the reason: a label that is empty or longer than 127
  // bytes, an empty passphrase, an active label without a passphrase.
  static Result<std::unique_ptr<const KeyRing>> make(
      const std::map<std::string, std::string>& passphrases, const std::string& active_label);
  KeyRing(const KeyRing&) = delete;
  KeyRing& operator=(const KeyRing&) = delete;
  ~KeyRing();

  const std::string& active_label() const { return active_label_; }
  bool knows(const std::string& label) const;
  // Tells a wrong passphrase for a known label; gives nothing away of the key.
  std::string check_value(const std::string& label) const;

  std::string seal(const std::string& label, std::string_view about, std::string_view text) const;
  // Fault::not_found: unknown label; Fault::invalid: altered, of another row, or no sealed row.
  Result<std::string> open(std::string_view about, std::string_view sealed) const;

 private:
  struct Key;
  KeyRing();

  std::map<std::string, std::unique_ptr<Key>, std::less<>> keys_;
  std::string active_label_;
};

// The label of a stored row, "" of one that is not sealed.
std::string label_of_row(std::string_view stored);

}  // namespace causeway::store
