#include "tools/causeway/context.h"

#include <cstdio>

namespace causeway::cli {

int Context::fail(const Error& error, const std::string& hint) {
  const std::string reason = error.detail.empty() ? to_string(error) : error.detail;
  std::fprintf(stderr, "causeway: %s\n", reason.c_str());
  if (!hint.empty()) std::fprintf(stderr, "  next: %s\n", hint.c_str());
  return error.fault == Fault::not_found ? 3 : 1;
}

}  // namespace causeway::cli
