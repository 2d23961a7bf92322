#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>

#include "cell/runtime/mounts.h"

namespace causeway::runtime {

namespace fs = std::filesystem;

namespace {

Result<void> copy_content(const fs::path& from, const fs::path& to, mode_t kind) {
  std::error_code error;
  if (S_ISDIR(kind)) {
    fs::create_directory(to, error);
  } else if (S_ISREG(kind)) {
    fs::copy_file(from, to, error);
  } else {
    fs::copy_symlink(from, to, error);
  }
  if (error) return os_error(error.value(), "copy " + from.string());
  return {};
}

// Devices and sockets are left out: /dev is the runtime's. Owners beyond the mapping become its
// last.
Result<void> copy_entry(const fs::path& from, const fs::path& to, const UserMapping& mapping) {
  struct stat status {};
  if (::lstat(from.c_str(), &status) != 0) return os_error(errno, "copy " + from.string());
  const bool is_link = S_ISLNK(status.st_mode);
  if (!is_link && !S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) return {};
  if (Result<void> copied = copy_content(from, to, status.st_mode); !copied) return copied;
  const auto shifted = [&](uint32_t id) { return mapping.first + std::min(id, mapping.count - 1); };
  if (::lchown(to.c_str(), shifted(status.st_uid), shifted(status.st_gid)) != 0) {
    return os_error(errno, "change owner of " + to.string());
  }
  // After the owner: changing that clears the set-user-id bit.
  if (!is_link && ::chmod(to.c_str(), status.st_mode & 07777) != 0) {
    return os_error(errno, "change mode of " + to.string());
  }
  return {};
}

}  // namespace

Result<void> copy_shifted(const std::string& source, const std::string& target,
                          const UserMapping& mapping) {
  if (Result<void> copied = copy_entry(source, target, mapping); !copied) return copied;
  std::error_code error;
  fs::recursive_directory_iterator entries(source, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    const fs::path to = fs::path(target) / entries->path().lexically_relative(source);
    if (Result<void> copied = copy_entry(entries->path(), to, mapping); !copied) return copied;
  }
  if (error) return os_error(error.value(), "copy " + source);
  return {};
}

}  // namespace causeway::runtime
