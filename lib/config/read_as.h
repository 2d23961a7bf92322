#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "config/config.h"

namespace causeway::config {

// What `interpret`, a Result<T>(File&), makes of the file at a path, or of a text that stands for
// one (`name` is its path in messages). Unreadable or unparsable: the error of File.
template <class T>
Result<T> read_as(const std::string& path, Result<T> (*interpret)(File&)) {
  auto file = File::read(path);
  if (!file) return std::move(file).error();
  return interpret(**file);
}

template <class T>
Result<T> parse_as(std::string_view text, std::string name, Result<T> (*interpret)(File&)) {
  auto file = File::parse(text, std::move(name));
  if (!file) return std::move(file).error();
  return interpret(**file);
}

}  // namespace causeway::config
