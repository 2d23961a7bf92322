#include "bench/load/report/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace causeway::load {
namespace {

Error io_error(int os, const std::string& what) {
  return {.fault = Fault::io, .os = os, .detail = what + ": " + std::strerror(os)};
}

bool is_plain_path(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) != 0 || S_ISREG(facts.st_mode);
}

Result<void> write_all(const std::string& path, std::string_view text) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return io_error(errno, "cannot write " + path);
  const size_t bytes = text.size();
  int os = 0;
  while (!text.empty() && os == 0) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<size_t>(count));
    } else if (errno != EINTR) {
      os = errno;
    }
  }
  // Some file systems say only now that the disk is full.
  if (os == 0 && ::fsync(descriptor) != 0 && errno != EINVAL && errno != EROFS) os = errno;
  if (::close(descriptor) != 0 && os == 0) os = errno;
  if (os == 0) return {};
  return io_error(os, "cannot write " + path + ": " + std::to_string(bytes - text.size()) + " of " +
                          std::to_string(bytes) + " bytes written");
}

}  // namespace

Result<std::string> read_whole_file(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  std::string text;
  if (file) {
    char buffer[16384];
    while (const size_t count = std::fread(buffer, 1, sizeof buffer, file.get()))
      text.append(buffer, count);
  }
  if (!file || std::ferror(file.get()) != 0) {
    const int os = errno;
    return Error{
        .fault = Fault::io, .os = os, .detail = "cannot read " + path + ": " + std::strerror(os)};
  }
  return text;
}

Result<void> check_report_path(const std::string& path) {
  const bool is_plain = is_plain_path(path);
  const std::string probe = is_plain ? path + ".partial" : path;
  const int descriptor =
      ::open(probe.c_str(), O_WRONLY | (is_plain ? O_CREAT : 0) | O_CLOEXEC, 0644);
  if (descriptor < 0) return io_error(errno, "cannot write " + path);
  ::close(descriptor);
  if (is_plain) ::unlink(probe.c_str());
  return {};
}

Result<void> write_report(const std::string& path, std::string_view text) {
  if (!is_plain_path(path)) return write_all(path, text);
  const std::string partial = path + ".partial";
  if (auto written = write_all(partial, text); !written) return written;
  if (::rename(partial.c_str(), path.c_str()) != 0)
    return io_error(errno, "cannot rename " + partial + " to " + path);
  return {};
}

}  // namespace causeway::load
