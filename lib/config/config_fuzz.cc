// Any bytes, as YAML and as JSON: refused with a reason, or readable in every way without a crash.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/config.h"

namespace {

void read_all(causeway::config::File& file) {
  causeway::config::Section root = file.root();
  std::vector<std::string> keys = root.unknown_keys();
  keys.emplace_back("absent");
  for (const std::string& key : keys) {
    bool boolean = false;
    uint16_t port = 0;
    double number = 0;
    std::string text;
    causeway::Duration duration{};
    std::vector<std::string> list;
    std::map<std::string, std::string> mapping;
    root.read(key, boolean);
    root.read(key, port, {.min = 1});
    root.read(key, number);
    root.read(key, text);
    root.read(key, duration);
    root.read(key, list);
    root.read(key, mapping);
    root.read_choice(key, text, {"a", "b"});
    root.require(key, text);
    root.section(key).read("a", text);
    for (auto& section : root.list(key)) section.read("a", text);
    (void)root.json(key);
  }
  (void)root.unknown_keys();
  if (file.problem_text().empty()) std::abort();  // "absent" was required
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"f.yml", "f.json"}) {
    const auto file = causeway::config::File::parse(text, name);
    if (file) {
      read_all(**file);
    } else if (!file.error().detail.starts_with(name)) {
      std::abort();
    }
  }
  const auto duration = causeway::config::parse_duration(text);
  if (duration) {
    // What is written is what is read back.
    const auto again =
        causeway::config::parse_duration(causeway::config::format_duration(*duration));
    if (!again || *again > *duration + causeway::Duration(1) ||
        *again + causeway::Duration(1) < *duration)
      std::abort();
  }
  return 0;
}
