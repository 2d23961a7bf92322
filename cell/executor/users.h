#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace causeway::runtime {
class Runtime;
}

namespace causeway::executor {

// A user as a container's own files have it.
struct User {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
  std::string home = "/";
};

// `wanted`: a name of /etc/passwd, or a number. Fault::not_found for names that are not there.
// Pure.
Result<User> find_user(std::string_view wanted, std::string_view passwd, std::string_view group);
// The same by the files that a container has. Blocks for the read of two small files.
Result<User> find_user_of(runtime::Runtime& runtime, const std::string& handle,
                          std::string_view wanted);

}  // namespace causeway::executor
