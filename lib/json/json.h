#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"

namespace causeway::json {

enum class Kind : uint8_t { null, boolean, number, string, array, object };

// A value inside a Document; a view, valid as long as its Document. A default Node is "absent"
// (null, exists() false): looking into something that is not there gives absent again, so paths can
// be read without checks in between.
class Node {
 public:
  Node() = default;
  bool exists() const { return value_ != nullptr; }
  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_number() const { return kind() == Kind::number; }
  bool is_object() const { return kind() == Kind::object; }
  bool is_array() const { return kind() == Kind::array; }

  // Empty when absent or of another kind (integers also when out of range or fractional).
  std::optional<bool> boolean() const;
  std::optional<int64_t> integer() const;
  std::optional<uint64_t> unsigned_integer() const;
  std::optional<double> number() const;
  std::optional<std::string_view> string() const;

  size_t size() const;                          // elements or members; 0 otherwise
  Node operator[](std::string_view key) const;  // the last member of that name
  Node at(size_t index) const;                  // array element, or value of the index-th member
  std::string_view key(size_t index) const;     // name of the index-th member

  // Compact JSON text of this value.
  std::string text() const;

 private:
  friend class Document;
  explicit Node(const void* value) : value_(value) {}
  const void* value_ = nullptr;
};

// Bounds on what is parsed. Nested deeper or longer: Fault::limit.
struct Limits {
  size_t bytes_max = 16u << 20;
  size_t depth_max = 64;
};

// A parsed JSON text (RFC 8259; UTF-8 is validated, trailing bytes are refused). Move-only.
class Document {
 public:
  // The error's detail names line, column and reason.
  static Result<Document> parse(std::string_view text, Limits limits = {});
  // The same; `lines` receives the line of each value, in document order (a container before what
  // is in it).
  static Result<Document> parse(std::string_view text, Limits limits, std::vector<int>& lines);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();
  Node root() const;

 private:
  struct State;
  explicit Document(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Is told a text as it is read, without a Document. Each function answers whether to go on; texts
// are valid during the call.
class Visitor {
 public:
  virtual bool on_begin(Kind kind) = 0;  // object or array
  virtual bool on_end() = 0;             // of the innermost
  virtual bool on_key(std::string_view key) = 0;
  virtual bool on_string(std::string_view text) = 0;
  virtual bool on_number(std::string_view text) = 0;  // as written
  virtual bool on_boolean(bool) { return on_other(); }
  virtual bool on_other() = 0;  // null, and booleans for whom they are nothing else

 protected:
  ~Visitor() = default;
};

// For texts whose shape is known and that come often: three times as fast as a Document. False when
// the visitor stopped it or the text is no JSON; Document::parse() then says what is wrong. Depth
// is for the visitor to bound.
bool visit(std::string_view text, Visitor& visitor);

// Builds compact JSON text, in order:
// object().key("a").value(1).key("b").array().value("x").end().end().take(). Misuse (a value
// without a key, unbalanced end) is a bug and aborts. Bytes that are not UTF-8 are replaced.
class Writer {
 public:
  Writer();
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  Writer& object();
  Writer& array();
  Writer& end();
  Writer& key(std::string_view name);
  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(bool boolean);
  Writer& value(double number);  // NaN and infinities become null
  template <class Integer>
  requires(std::is_integral_v<Integer> &&
           !std::is_same_v<Integer, bool>) Writer& value(Integer number) {
    if constexpr (std::is_signed_v<Integer>) {
      return signed_value(number);
    } else {
      return unsigned_value(number);
    }
  }
  Writer& null();
  Writer& raw(std::string_view json);  // already JSON text
  // key + value in one.
  template <class Value>
  Writer& member(std::string_view name, const Value& what) {
    key(name);
    return value(what);
  }
  std::string take();

 private:
  Writer& signed_value(int64_t number);
  Writer& unsigned_value(uint64_t number);
  struct State;
  std::unique_ptr<State> state_;
};

// `text` as a JSON string with its quotes.
std::string quote(std::string_view text);

}  // namespace causeway::json
