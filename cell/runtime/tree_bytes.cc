#include "cell/runtime/tree_bytes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <string_view>
#include <vector>

#include "cell/runtime/mounts.h"

namespace causeway::runtime {

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

Folder open_folder(int at, const char* name) {
  const int file = ::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return Folder(file < 0 ? nullptr : ::fdopendir(file));
}

bool is_itself_or_parent(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

// A file of several names counts as a part for each of them.
int64_t bytes_of(const struct stat& status) {
  constexpr int64_t block_bytes = 512;  // st_blocks, whatever the file system's are
  const bool is_shared = !S_ISDIR(status.st_mode) && status.st_nlink > 1;
  return static_cast<int64_t>(status.st_blocks) * block_bytes /
         (is_shared ? static_cast<int64_t>(status.st_nlink) : 1);
}

constexpr size_t kEntriesPerLook = 256;  // at the clock

Error too_much(const std::string& folder, std::string_view why) {
  return Error{.fault = Fault::limit, .detail = folder + ": not measured: " + std::string(why)};
}

}  // namespace

Result<int64_t> tree_bytes(const std::string& folder, TreeLimits limits) {
  std::vector<Folder> open;  // from the top to where we are
  open.push_back(open_folder(AT_FDCWD, folder.c_str()));
  struct stat top {};
  if (!open.back() || ::fstat(::dirfd(open.back().get()), &top) != 0)
    return os_error(errno, "measure " + folder);
  int64_t bytes = bytes_of(top);
  size_t entries = 0;
  const Instant deadline = std::chrono::steady_clock::now() + limits.time_max;
  while (!open.empty()) {
    const dirent* const entry = ::readdir(open.back().get());
    if (entry == nullptr) {
      open.pop_back();
      continue;
    }
    if (is_itself_or_parent(entry->d_name)) continue;
    if (++entries > limits.entries_max) return too_much(folder, "too many files");
    if (entries % kEntriesPerLook == 0 && std::chrono::steady_clock::now() > deadline)
      return too_much(folder, "takes too long");
    const int at = ::dirfd(open.back().get());
    struct stat status {};
    if (::fstatat(at, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (status.st_dev != top.st_dev) continue;
    bytes += bytes_of(status);
    if (!S_ISDIR(status.st_mode)) continue;
    if (open.size() >= limits.depth_max) return too_much(folder, "too deep");
    if (Folder below = open_folder(at, entry->d_name)) open.push_back(std::move(below));
  }
  return bytes;
}

}  // namespace causeway::runtime
