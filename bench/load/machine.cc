#include "bench/load/machine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "bench/load/http_plan.h"

namespace causeway::load {
namespace {

Error io_error(int os, const std::string& what) {
  return {.fault = Fault::io, .os = os, .detail = what + ": " + std::strerror(os)};
}

// Value of a "name : value" line.
std::string line_value(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view line = text.substr(at, text.find('\n', at) - at);
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  const size_t first = line.find_first_not_of(" \t", colon + 1);
  return first == std::string_view::npos ? std::string() : std::string(line.substr(first));
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

MachineFacts describe_machine() {
  MachineFacts facts;
  const std::string cpus = read_whole_file("/proc/cpuinfo").value_or(std::string());
  facts.cpu = line_value(cpus, "model name");
  if (facts.cpu.empty()) facts.cpu = "unknown CPU";
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  facts.cpus = online > 0 ? static_cast<unsigned>(online) : 1;
  facts.memory_bytes =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  utsname name{};
  if (::uname(&name) == 0)
    facts.kernel = std::string(name.sysname) + " " + name.release + " " + name.machine;
#if defined(__clang__)
  facts.compiler = "clang " __clang_version__;
#else
  facts.compiler = "gcc " __VERSION__;
#endif
#ifdef NDEBUG
  facts.compiler += ", release";
#else
  facts.compiler += ", with debug checks";
#endif
  return facts;
}

std::string utc_text(WallTime time) {
  const time_t seconds = static_cast<time_t>(time.unix_ns / 1'000'000'000);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

Result<Duration> process_cpu(pid_t pid) {
  clockid_t clock = 0;
  timespec time{};
  int os = ::clock_getcpuclockid(pid, &clock);
  if (os == 0 && ::clock_gettime(clock, &time) != 0) os = errno;
  if (os != 0) {
    return Error{.fault = Fault::not_found,
                 .os = os,
                 .detail = "cannot read the CPU time of process " + std::to_string(pid) + ": " +
                           std::strerror(os)};
  }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::string process_name(pid_t pid) {
  std::string name =
      read_whole_file("/proc/" + std::to_string(pid) + "/comm").value_or(std::string());
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name.empty() ? "process" : name;
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
