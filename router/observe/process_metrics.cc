#include "router/observe/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace causeway::router {
namespace {

double open_descriptors() {
  DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  double count = 0;
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(folder);
  return count - 1;  // not the one that lists them
}

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A field of /proc/self/stat, counted from 1 as in proc(5); those behind the name only.
double stat_field(int number) {
  std::string text;
  std::ifstream in("/proc/self/stat");
  std::getline(in, text);
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::string_view rest = std::string_view(text).substr(name_end + 2);
  for (int i = 3; i < number; ++i) {
    const size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return 0;
    rest.remove_prefix(blank + 1);
  }
  double value = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}

double descriptors_max() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void register_process_metrics(metrics::Registry& registry) {
  registry.gauge_from("file_descriptors", "Open file descriptors.", open_descriptors);
  registry.counter_from("process_cpu_seconds_total", "Processor time, user and system.",
                        processor_seconds);
  registry.gauge_from("process_open_fds", "Open file descriptors.", open_descriptors);
  registry.gauge_from("process_max_fds", "Limit of open file descriptors.", descriptors_max);
  registry.gauge_from("process_virtual_memory_bytes", "Address space in use.",
                      [] { return stat_field(23); });
  registry.gauge_from("process_resident_memory_bytes", "Memory in use.",
                      [] { return stat_field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)); });
  registry.gauge_from("process_threads", "Threads.", [] { return stat_field(20); });
  const double started = static_cast<double>(SystemClock().wall().unix_ns) / 1e9;
  registry.gauge_from("process_start_time_seconds", "Start, in seconds since 1970.",
                      [started] { return started; });
  for (const char* cause : {"gathering", "encoding"}) {
    registry.counter("promhttp_metric_handler_errors_total",
                     "Scrapes that failed inside; none can here.", {{"cause", cause}});
  }
}

}  // namespace causeway::router
