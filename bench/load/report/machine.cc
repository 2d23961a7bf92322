#include "bench/load/report/machine.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "bench/load/report/files.h"

namespace causeway::load {
namespace {

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

Result<double> process_rss(pid_t pid) {
  // "size resident shared ...", in pages.
  const auto pages = read_whole_file("/proc/" + std::to_string(pid) + "/statm");
  const size_t space = pages ? pages->find(' ') : std::string::npos;
  if (space == std::string::npos)
    return Error{.fault = Fault::not_found,
                 .detail = "cannot read the memory of process " + std::to_string(pid)};
  return std::strtod(pages->c_str() + space, nullptr) *
         static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::string process_name(pid_t pid) {
  std::string name =
      read_whole_file("/proc/" + std::to_string(pid) + "/comm").value_or(std::string());
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name.empty() ? "process" : name;
}

}  // namespace causeway::load
