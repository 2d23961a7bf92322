// Any bytes: parsed or refused; what was parsed can be walked, written, and parsed again to the
// same text.
#include <cstdint>
#include <cstdlib>

#include "json/json.h"

namespace {

size_t walk(causeway::json::Node node) {
  size_t seen = 1 + node.string().value_or("").size() + node.integer().has_value() +
                node.unsigned_integer().has_value() + node.number().has_value() +
                node.boolean().has_value();
  for (size_t i = 0; i < node.size(); ++i) {
    if (node.is_object() && !node[node.key(i)].exists()) std::abort();
    seen += walk(node.at(i));
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using causeway::json::Document;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<int> lines;
  const auto document = Document::parse(text, {}, lines);
  if (!document) {
    if (document.error().detail.empty()) std::abort();
    return 0;
  }
  if (walk(document->root()) < lines.size()) std::abort();
  const std::string written = document->root().text();
  const auto again = Document::parse(written, {.bytes_max = SIZE_MAX});
  if (!again || again->root().text() != written) std::abort();
  if (causeway::json::quote(text).size() < size) std::abort();
  return 0;
}
