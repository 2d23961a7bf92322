#include "json/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

// For visit(), which is the faster for it.
#if defined(__SSE2__)
#define RAPIDJSON_SSE2
#elif defined(__ARM_NEON)
#define RAPIDJSON_NEON
#endif
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/check.h"
#include "base/utf8.h"

namespace causeway::json {
namespace {

using Value = rapidjson::Value;

const Value& as_value(const void* pointer) { return *static_cast<const Value*>(pointer); }

std::string_view view_of(const Value& string) {
  return {string.GetString(), string.GetStringLength()};
}

// Whether the first digit that counts stands left of the point, with the exponent applied. `text`
// is a number of JSON.
bool is_big(std::string_view text) {
  const size_t mantissa_end = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, mantissa_end);
  const auto point = static_cast<int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  const auto first =
      static_cast<int64_t>(std::min(mantissa.find_first_of("123456789"), mantissa.size()));
  int64_t exponent = 0;
  if (mantissa_end < text.size()) {
    std::string_view digits = text.substr(mantissa_end + 1);
    const bool negative = digits.front() == '-';
    if (negative || digits.front() == '+') digits.remove_prefix(1);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc())
      return !negative;
    if (negative) exponent = -exponent;
  }
  return point - first + exponent > 0;
}

// RapidJSON's own conversion of numbers runs into undefined behaviour (0e51); this one also rounds
// correctly. False when the number is beyond a double; one too small for it is zero, as in Go.
bool number(rapidjson::Document& document, std::string_view text) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (text.find_first_of(".eE") == std::string_view::npos) {
    int64_t whole = 0;
    if (std::from_chars(begin, end, whole).ec == std::errc()) return document.Int64(whole);
    uint64_t positive = 0;
    if (std::from_chars(begin, end, positive).ec == std::errc()) return document.Uint64(positive);
  }
  double real = 0;
  const auto [stop, error] = std::from_chars(begin, end, real);
  if (error == std::errc::result_out_of_range || !std::isfinite(real))
    return !is_big(text) && document.Double(0.0);
  DCHECK(error == std::errc() && stop == end);
  return document.Double(real);
}

// What the reader's events pass through on their way into the document: counts depth, notes lines,
// and refuses strings that RapidJSON lets through although they are not UTF-8 (an escaped lone
// surrogate).
class Gate {
 public:
  enum class Refusal : uint8_t { none, too_deep, not_utf8, too_big };

  Gate(rapidjson::Document& document, std::string_view text, const rapidjson::MemoryStream& stream,
       size_t depth_max, std::vector<int>* lines)
      : document_(document), text_(text), stream_(stream), depth_max_(depth_max), lines_(lines) {}

  Refusal refusal() const { return refusal_; }

  bool Null() { return note() && document_.Null(); }
  bool Bool(bool b) { return note() && document_.Bool(b); }
  bool Int(int i) { return note() && document_.Int(i); }
  bool Uint(unsigned u) { return note() && document_.Uint(u); }
  bool Int64(int64_t i) { return note() && document_.Int64(i); }
  bool Uint64(uint64_t u) { return note() && document_.Uint64(u); }
  bool Double(double d) { return note() && document_.Double(d); }
  bool RawNumber(const char* s, rapidjson::SizeType n, bool) {
    if (!note()) return false;
    if (number(document_, {s, n})) return true;
    refusal_ = Refusal::too_big;
    return false;
  }
  bool String(const char* s, rapidjson::SizeType n, bool copy) {
    return note() && is_text(s, n) && document_.String(s, n, copy);
  }
  bool Key(const char* s, rapidjson::SizeType n, bool copy) {
    return is_text(s, n) && document_.Key(s, n, copy);
  }
  bool StartObject() { return note() && enter() && document_.StartObject(); }
  bool EndObject(rapidjson::SizeType n) {
    --depth_;
    return document_.EndObject(n);
  }
  bool StartArray() { return note() && enter() && document_.StartArray(); }
  bool EndArray(rapidjson::SizeType n) {
    --depth_;
    return document_.EndArray(n);
  }

 private:
  // Scalars have no line ends inside, so the line at their end is theirs.
  bool note() {
    if (lines_ == nullptr) return true;
    const size_t offset = std::min(stream_.Tell(), text_.size());
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<ptrdiff_t>(counted_),
                                         text_.begin() + static_cast<ptrdiff_t>(offset), '\n'));
    counted_ = offset;
    lines_->push_back(line_);
    return true;
  }
  bool enter() {
    if (++depth_ <= depth_max_) return true;
    refusal_ = Refusal::too_deep;
    return false;
  }
  bool is_text(const char* s, rapidjson::SizeType n) {
    if (utf8_valid_prefix({s, n}) == n) return true;
    refusal_ = Refusal::not_utf8;
    return false;
  }

  rapidjson::Document& document_;
  const std::string_view text_;
  const rapidjson::MemoryStream& stream_;
  const size_t depth_max_;
  std::vector<int>* lines_;
  size_t depth_ = 0;
  size_t counted_ = 0;
  int line_ = 1;
  Refusal refusal_ = Refusal::none;
};

// What rapidjson::Document::Populate calls.
struct Filling {
  std::string_view text;
  const Limits& limits;
  std::vector<int>* lines;
  rapidjson::ParseResult result = {};
  Gate::Refusal refusal = Gate::Refusal::none;
  size_t end = 0;

  bool operator()(rapidjson::Document& document) {
    constexpr unsigned flags =
        rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
    constexpr unsigned strict_flags = flags | rapidjson::kParseValidateEncodingFlag;
    rapidjson::MemoryStream stream(text.data(), text.size());
    Gate gate(document, text, stream, limits.depth_max, lines);
    rapidjson::Reader reader;
    // Looking at all of it at once takes a tenth of the time the reader would.
    const bool is_utf8 = utf8_valid_prefix(text) == text.size();
    result = is_utf8 ? reader.Parse<flags>(stream, gate) : reader.Parse<strict_flags>(stream, gate);
    refusal = gate.refusal();
    end = stream.Tell();
    return !result.IsError();
  }
};

// Hands the reader's events on.
struct Telling {
  Visitor& visitor;

  bool Null() { return visitor.on_other(); }
  bool Bool(bool value) { return visitor.on_boolean(value); }
  bool Int(int) { return false; }  // numbers come as texts
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* s, rapidjson::SizeType n, bool) { return visitor.on_number({s, n}); }
  bool String(const char* s, rapidjson::SizeType n, bool) {
    return is_text(s, n) && visitor.on_string({s, n});
  }
  bool Key(const char* s, rapidjson::SizeType n, bool) {
    return is_text(s, n) && visitor.on_key({s, n});
  }
  bool StartObject() { return visitor.on_begin(Kind::object); }
  bool EndObject(rapidjson::SizeType) { return visitor.on_end(); }
  bool StartArray() { return visitor.on_begin(Kind::array); }
  bool EndArray(rapidjson::SizeType) { return visitor.on_end(); }

  static bool is_text(const char* s, rapidjson::SizeType n) {
    return utf8_valid_prefix({s, n}) == n;
  }
};

std::string place_of(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return "line " + std::to_string(line) + ", column " +
         std::to_string(before.size() - line_start + 1) + ": ";
}

Error error_at(std::string_view text, size_t offset, Fault fault, std::string_view reason) {
  return Error{.fault = fault, .detail = place_of(text, offset).append(reason)};
}

}  // namespace

Kind Node::kind() const {
  if (value_ == nullptr) return Kind::null;
  switch (as_value(value_).GetType()) {
    case rapidjson::kNullType:
      return Kind::null;
    case rapidjson::kFalseType:
    case rapidjson::kTrueType:
      return Kind::boolean;
    case rapidjson::kNumberType:
      return Kind::number;
    case rapidjson::kStringType:
      return Kind::string;
    case rapidjson::kArrayType:
      return Kind::array;
    case rapidjson::kObjectType:
      return Kind::object;
  }
  return Kind::null;
}

std::optional<bool> Node::boolean() const {
  if (value_ == nullptr || !as_value(value_).IsBool()) return std::nullopt;
  return as_value(value_).GetBool();
}

namespace {

// Doubles hold every integer up to 2^53: beyond, 1e17 would not be what was written.
constexpr double exact_integer_max = 9007199254740992.0;

std::optional<int64_t> integral(const Value& value) {
  if (!value.IsDouble()) return std::nullopt;
  const double number = value.GetDouble();
  if (std::trunc(number) != number || std::fabs(number) > exact_integer_max) return std::nullopt;
  return static_cast<int64_t>(number);
}

}  // namespace

std::optional<int64_t> Node::integer() const {
  if (value_ == nullptr) return std::nullopt;
  const Value& value = as_value(value_);
  return value.IsInt64() ? std::optional(value.GetInt64()) : integral(value);
}

std::optional<uint64_t> Node::unsigned_integer() const {
  if (value_ == nullptr) return std::nullopt;
  const Value& value = as_value(value_);
  if (value.IsUint64()) return value.GetUint64();
  const std::optional<int64_t> number = integral(value);
  return number && *number >= 0 ? std::optional(static_cast<uint64_t>(*number)) : std::nullopt;
}

std::optional<double> Node::number() const {
  if (value_ == nullptr || !as_value(value_).IsNumber()) return std::nullopt;
  return as_value(value_).GetDouble();
}

std::optional<std::string_view> Node::string() const {
  if (value_ == nullptr || !as_value(value_).IsString()) return std::nullopt;
  return view_of(as_value(value_));
}

size_t Node::size() const {
  if (value_ == nullptr) return 0;
  const Value& value = as_value(value_);
  if (value.IsArray()) return value.Size();
  return value.IsObject() ? value.MemberCount() : 0;
}

Node Node::operator[](std::string_view key) const {
  if (value_ == nullptr || !as_value(value_).IsObject()) return {};
  const Value& object = as_value(value_);
  for (auto member = object.MemberEnd(); member != object.MemberBegin();) {
    --member;
    if (view_of(member->name) == key) return Node(&member->value);
  }
  return {};
}

Node Node::at(size_t index) const {
  if (index >= size()) return {};
  const Value& value = as_value(value_);
  if (value.IsArray()) return Node(&value[static_cast<rapidjson::SizeType>(index)]);
  return Node(&(value.MemberBegin() + static_cast<ptrdiff_t>(index))->value);
}

std::string_view Node::key(size_t index) const {
  if (index >= size() || !as_value(value_).IsObject()) return {};
  return view_of((as_value(value_).MemberBegin() + static_cast<ptrdiff_t>(index))->name);
}

std::string Node::text() const {
  if (value_ == nullptr) return "null";
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  as_value(value_).Accept(writer);  // recursion, as deep as Limits::depth_max allowed
  return {buffer.GetString(), buffer.GetSize()};
}

struct Document::State {
  rapidjson::Document document;
};

Document::Document(std::unique_ptr<State> state) : state_(std::move(state)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Node Document::root() const { return Node(static_cast<const Value*>(&state_->document)); }

namespace {

Result<void> fill(rapidjson::Document& document, std::string_view text, const Limits& limits,
                  std::vector<int>* lines) {
  // RapidJSON counts bytes and members in 32 bits.
  if (text.size() > std::min<size_t>(limits.bytes_max, UINT32_MAX - 1)) {
    return Error{.fault = Fault::limit,
                 .detail = std::to_string(text.size()) + " bytes of JSON, at most " +
                           std::to_string(limits.bytes_max) + " are accepted"};
  }
  Filling filling{text, limits, lines};
  document.Populate(filling);
  if (filling.refusal == Gate::Refusal::too_deep) {
    return error_at(text, filling.end, Fault::limit,
                    "nested deeper than " + std::to_string(limits.depth_max) + " levels");
  }
  if (filling.refusal == Gate::Refusal::not_utf8) {
    return error_at(text, filling.end, Fault::invalid, "a string is not valid UTF-8");
  }
  if (filling.refusal == Gate::Refusal::too_big) {
    return error_at(text, filling.end, Fault::invalid, "a number too big for a double");
  }
  if (filling.result.IsError()) {
    return error_at(text, filling.result.Offset(), Fault::invalid,
                    rapidjson::GetParseError_En(filling.result.Code()));
  }
  // The reader takes a NUL byte after the root for the end of the text.
  if (filling.end != text.size()) {
    return error_at(text, filling.end, Fault::invalid, "bytes after the end of the document");
  }
  return {};
}

}  // namespace

bool visit(std::string_view text, Visitor& visitor) {
  if (text.size() > Limits{}.bytes_max) return false;
  // In situ, strings are not copied and are looked at sixteen bytes at a time: past the end, too.
  constexpr size_t room_behind = 32;
  constexpr size_t short_text_max = 4096;
  std::array<char, short_text_max + room_behind> short_text;
  std::string long_text;
  char* copy = short_text.data();
  if (text.size() > short_text_max) {
    long_text.resize(text.size() + room_behind);
    copy = long_text.data();
  }
  text.copy(copy, text.size());
  std::memset(copy + text.size(), 0, room_behind);
  rapidjson::InsituStringStream stream(copy);
  Telling telling{visitor};
  rapidjson::Reader reader;
  constexpr unsigned flags = rapidjson::kParseIterativeFlag | rapidjson::kParseInsituFlag |
                             rapidjson::kParseNumbersAsStringsFlag;
  return !reader.Parse<flags>(stream, telling).IsError() && stream.Tell() == text.size();
}

Result<Document> Document::parse(std::string_view text, Limits limits) {
  auto state = std::make_unique<State>();
  if (auto filled = fill(state->document, text, limits, nullptr); !filled)
    return std::move(filled).error();
  return Document(std::move(state));
}

Result<Document> Document::parse(std::string_view text, Limits limits, std::vector<int>& lines) {
  auto state = std::make_unique<State>();
  lines.clear();
  if (auto filled = fill(state->document, text, limits, &lines); !filled)
    return std::move(filled).error();
  return Document(std::move(state));
}

struct Writer::State {
  enum class Level : uint8_t { array, object, object_with_key };

  // A value begins: is this a place for one?
  void value_comes() {
    if (levels.empty()) {
      CHECK(!complete);
    } else {
      CHECK(levels.back() != Level::object);
    }
  }
  void value_is_done() {
    if (levels.empty()) {
      complete = true;
    } else if (levels.back() == Level::object_with_key) {
      levels.back() = Level::object;
    }
  }

  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
  std::vector<Level> levels;
  bool complete = false;
};

Writer::Writer() : state_(std::make_unique<State>()) {}
Writer::~Writer() = default;

Writer& Writer::object() {
  state_->value_comes();
  state_->writer.StartObject();
  state_->levels.push_back(State::Level::object);
  return *this;
}

Writer& Writer::array() {
  state_->value_comes();
  state_->writer.StartArray();
  state_->levels.push_back(State::Level::array);
  return *this;
}

Writer& Writer::end() {
  CHECK(!state_->levels.empty() && state_->levels.back() != State::Level::object_with_key);
  const bool is_array = state_->levels.back() == State::Level::array;
  state_->levels.pop_back();
  if (is_array) {
    state_->writer.EndArray();
  } else {
    state_->writer.EndObject();
  }
  state_->value_is_done();
  return *this;
}

namespace {

void write_string(rapidjson::Writer<rapidjson::StringBuffer>& writer, std::string_view text) {
  CHECK(text.size() < UINT32_MAX / 6);  // each byte may become six
  const char* bytes = text.data() == nullptr ? "" : text.data();
  if (utf8_valid_prefix(text) == text.size()) {
    writer.String(bytes, static_cast<rapidjson::SizeType>(text.size()));
  } else {
    const std::string clean = utf8_sanitized(text);
    writer.String(clean.data(), static_cast<rapidjson::SizeType>(clean.size()));
  }
}

}  // namespace

Writer& Writer::key(std::string_view name) {
  CHECK(!state_->levels.empty() && state_->levels.back() == State::Level::object);
  write_string(state_->writer, name);
  state_->levels.back() = State::Level::object_with_key;
  return *this;
}

Writer& Writer::value(std::string_view text) {
  state_->value_comes();
  write_string(state_->writer, text);
  state_->value_is_done();
  return *this;
}

Writer& Writer::value(bool boolean) {
  state_->value_comes();
  state_->writer.Bool(boolean);
  state_->value_is_done();
  return *this;
}

Writer& Writer::value(double number) {
  if (!std::isfinite(number)) return null();
  state_->value_comes();
  state_->writer.Double(number);
  state_->value_is_done();
  return *this;
}

Writer& Writer::signed_value(int64_t number) {
  state_->value_comes();
  state_->writer.Int64(number);
  state_->value_is_done();
  return *this;
}

Writer& Writer::unsigned_value(uint64_t number) {
  state_->value_comes();
  state_->writer.Uint64(number);
  state_->value_is_done();
  return *this;
}

Writer& Writer::null() {
  state_->value_comes();
  state_->writer.Null();
  state_->value_is_done();
  return *this;
}

Writer& Writer::raw(std::string_view json) {
  CHECK(!json.empty());
  state_->value_comes();
  state_->writer.RawValue(json.data(), json.size(), rapidjson::kObjectType);
  state_->value_is_done();
  return *this;
}

std::string Writer::take() {
  CHECK(state_->complete);
  std::string text(state_->buffer.GetString(), state_->buffer.GetSize());
  state_ = std::make_unique<State>();
  return text;
}

std::string quote(std::string_view text) { return Writer().value(text).take(); }

}  // namespace causeway::json
