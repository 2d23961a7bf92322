#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::http2 {

// May the peer's table remember a field? Secrets and what is never said twice had better not.
enum class Remember : uint8_t { yes, no };

// The fields of one message that is about to be sent, pseudo fields first, names in lower case as
// RFC 9113 section 8.2 demands. Values are views that must live until the message was submitted.
// Keeps its memory over clear(), but for that of a strange message. Owner and thread: whoever
// sends.
class FieldBlock {
 public:
  static constexpr size_t fields_kept = 256;

  void clear() noexcept;
  // `name` in any case.
  void add(std::string_view name, std::string_view value, Remember remember = Remember::yes);
  bool empty() const noexcept { return fields_.empty(); }
  size_t size() const noexcept { return fields_.size(); }

  std::string_view name(size_t i) const {
    return std::string_view(names_).substr(fields_[i].name_at, fields_[i].name_bytes);
  }
  std::string_view value(size_t i) const { return fields_[i].value; }
  Remember remember(size_t i) const { return fields_[i].remember; }

 private:
  struct Field {
    size_t name_at;
    size_t name_bytes;
    std::string_view value;
    Remember remember;
  };

  std::string names_;
  std::vector<Field> fields_;
};

// Secrets among header fields, and those that each message has its own of: not to be remembered by
// the table that all streams of a connection share (RFC 7541 section 7.1). `name` in lower case.
Remember remembers(std::string_view name) noexcept;

}  // namespace causeway::http2
