#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "cell/runtime/descriptor.h"
#include "cell/runtime/mounts.h"

namespace causeway::runtime {

namespace fs = std::filesystem;

Error os_error(int os, std::string what) {
  return Error{
      .fault = fault_of_errno(os), .os = os, .detail = std::move(what) + ": " + std::strerror(os)};
}

Result<void> make_folder(const std::string& path, uint32_t mode) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST)
      return os_error(errno, "make folder " + part);
    if (end == std::string::npos) return {};
  }
}

Result<void> write_file(const std::string& path, std::string_view text, uint32_t mode) {
  const std::string beside = path + ".new";
  Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!file.is_open()) return os_error(errno, "write " + beside);
  while (!text.empty()) {
    const ssize_t count = ::write(file.number(), text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error(errno, "write " + beside);
    text.remove_prefix(static_cast<size_t>(count));
  }
  file.close();
  if (std::rename(beside.c_str(), path.c_str()) != 0) return os_error(errno, "rename to " + path);
  return {};
}

namespace {

Result<std::string> read_open_file(const Descriptor& file, const std::string& path,
                                   size_t bytes_max) {
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return os_error(errno, "read " + path);
  if (!S_ISREG(status.st_mode))
    return Error{.fault = Fault::invalid, .detail = path + " is not a file"};
  std::string text;
  char bytes[16384];
  for (;;) {
    const ssize_t count = ::read(file.number(), bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_error(errno, "read " + path);
    if (count == 0) return text;
    text.append(bytes, static_cast<size_t>(count));
    if (text.size() > bytes_max) {
      return Error{.fault = Fault::limit,
                   .detail = path + " is longer than " + std::to_string(bytes_max) + " bytes"};
    }
  }
}

}  // namespace

Result<std::string> read_whole_file(const std::string& path, size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return os_error(errno, "read " + path);
  return read_open_file(file, path, bytes_max);
}

Result<std::string> read_file_in_root(const std::string& root, const std::string& path,
                                      size_t bytes_max) {
  const Descriptor folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return os_error(errno, "open " + root);
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const Descriptor file(
      static_cast<int>(::syscall(SYS_openat2, folder.number(), path.c_str(), &how, sizeof how)));
  if (!file.is_open()) return os_error(errno, "read " + path);
  return read_open_file(file, path, bytes_max);
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return os_error(error.value(), "remove " + path);
  return {};
}

}  // namespace causeway::runtime
