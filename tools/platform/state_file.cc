#include "tools/platform/state_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace causeway::platform {
namespace {

Error os_error(const std::string& what) {
  const int os = errno;
  return {.fault = fault_of_errno(os), .os = os, .detail = what};
}

}  // namespace

Result<void> write_whole_file(const std::string& path, std::string_view text, unsigned mode) {
  const std::string fresh = path + ".new";
  (void)unlink(fresh.c_str());  // a file of an earlier try would keep its mode
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  std::FILE* file = fd < 0 ? nullptr : fdopen(fd, "w");
  if (file == nullptr) return os_error("open " + fresh);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) {
    const Error error = os_error("write " + fresh);
    (void)unlink(fresh.c_str());
    return error;
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return os_error("rename " + fresh);
  return {};
}

Result<std::string> read_whole_file(const std::string& path, size_t bytes_max) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return os_error("open " + path);
  std::string text;
  char buffer[8192];
  size_t got = 0;
  while ((got = std::fread(buffer, 1, sizeof buffer, file)) > 0 && text.size() <= bytes_max)
    text.append(buffer, got);
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) return Error{.fault = Fault::io, .detail = "read " + path};
  if (text.size() > bytes_max) return Error{.fault = Fault::limit, .detail = path + " is too long"};
  return text;
}

ProcessId identify(int pid) {
  if (pid <= 0) return {};
  const Result<std::string> stat = read_whole_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return {};
  // The name in parentheses may hold anything; the fields after it are plain.
  const size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(stat->substr(name_end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  ProcessId process{.pid = pid, .start_ticks = 0};
  std::from_chars(field.data(), field.data() + field.size(), process.start_ticks);
  return process.start_ticks == 0 ? ProcessId{} : process;
}

uint64_t resident_bytes(int pid) {
  const Result<std::string> statm = read_whole_file("/proc/" + std::to_string(pid) + "/statm");
  if (!statm) return 0;
  std::istringstream fields(*statm);
  uint64_t total = 0, resident = 0;
  fields >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace causeway::platform
