#pragma once

#include <climits>
#include <cstdint>
#include <string_view>

// tidy: the template is for the sources that read rows without decoding them
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>  // tidy: the same

// The fields of an encoded message, one after the other, without decoding them.
namespace causeway::bbs {

// One field of a message: its number, all its bytes, and what it holds: bytes or a number.
struct WireField {
  enum class Kind : uint8_t { other, bytes, number };
  int number = 0;
  Kind kind = Kind::other;
  std::string_view whole = {}, bytes = {};
  uint64_t value = 0;
  // Is it that field? One of another kind is an unknown field with the same number.
  bool is_bytes(int field) const { return number == field && kind == Kind::bytes; }
  bool is_number(int field) const { return number == field && kind == Kind::number; }
};

// Calls visit(WireField) for each field; false when these bytes are no message.
template <class Visit>
bool each_field(std::string_view message, Visit visit) {
  using google::protobuf::internal::WireFormatLite;
  if (message.size() > INT_MAX) return false;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  for (;;) {
    const auto begin = static_cast<size_t>(in.CurrentPosition());
    const uint32_t tag = in.ReadTag();
    if (tag == 0) return in.ConsumedEntireMessage();
    WireField field{.number = WireFormatLite::GetTagFieldNumber(tag)};
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED: {
        uint32_t size = 0;
        if (!in.ReadVarint32(&size)) return false;
        const auto at = static_cast<size_t>(in.CurrentPosition());
        if (size > message.size() - at || !in.Skip(static_cast<int>(size))) return false;
        field.kind = WireField::Kind::bytes;
        field.bytes = message.substr(at, size);
        break;
      }
      case WireFormatLite::WIRETYPE_VARINT:
        field.kind = WireField::Kind::number;
        if (!in.ReadVarint64(&field.value)) return false;
        break;
      default:
        if (!WireFormatLite::SkipField(&in, tag)) return false;
    }
    field.whole = message.substr(begin, static_cast<size_t>(in.CurrentPosition()) - begin);
    visit(field);
  }
}

}  // namespace causeway::bbs
