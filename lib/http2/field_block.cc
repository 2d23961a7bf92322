#include "http2/field_block.h"

#include <algorithm>
#include <iterator>

namespace causeway::http2 {
namespace {

char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

void FieldBlock::clear() noexcept {
  constexpr size_t name_bytes_kept = fields_kept * 32;
  if (names_.capacity() > name_bytes_kept) std::string().swap(names_);
  if (fields_.capacity() > fields_kept) std::vector<Field>().swap(fields_);
  names_.clear();
  fields_.clear();
}

void FieldBlock::add(std::string_view name, std::string_view value, Remember remember) {
  const size_t at = names_.size();
  names_.resize(at + name.size());
  std::transform(name.begin(), name.end(), names_.begin() + static_cast<ptrdiff_t>(at), lowered);
  fields_.push_back({at, name.size(), value, remember});
}

Remember remembers(std::string_view name) noexcept {
  constexpr std::string_view own[] = {"authorization",      "cookie",       "proxy-authorization",
                                      "set-cookie",         "traceparent",  "tracestate",
                                      "x-b3-spanid",        "x-b3-traceid", "x-request-start",
                                      "x-vcap-request-id",  "b3",           "x-cf-proxy-signature",
                                      "x-cf-proxy-metadata"};
  return std::find(std::begin(own), std::end(own), name) != std::end(own) ? Remember::no
                                                                          : Remember::yes;
}

}  // namespace causeway::http2
