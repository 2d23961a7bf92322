#include "rpc/debug.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "json/json.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "rpc/server.h"

namespace causeway::rpc {

namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";

int64_t count_open_files() {
  DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  int64_t count = -3;  // ".", "..", and the folder itself
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

struct LevelName {
  std::string_view name, letter, number;
  log::Level level;
};
// As Diego's: a level that we do not have is the nearest that logs more.
constexpr std::array<LevelName, 5> kLevels{{{"debug", "d", "0", log::Level::debug},
                                            {"info", "i", "1", log::Level::info},
                                            {"warn", "w", "", log::Level::warn},
                                            {"error", "e", "2", log::Level::error},
                                            {"fatal", "f", "3", log::Level::error}}};

std::optional<log::Level> level_of(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  for (const LevelName& one : kLevels) {
    if (text == one.name || text == one.letter || text == one.number) return one.level;
  }
  return std::nullopt;
}

std::string_view name_of(log::Level level) {
  for (const LevelName& one : kLevels) {
    if (one.level == level) return one.name;
  }
  return "info";
}

std::string facts_text() {
  const ProcessFacts facts = process_facts();
  json::Writer writer;
  writer.object()
      .member("pid", static_cast<int64_t>(::getpid()))
      .member("open_files", facts.open_files)
      .member("open_files_max", facts.open_files_max)
      .member("resident_bytes", facts.resident_bytes)
      .member("threads", facts.threads)
      .member("cpu_seconds", facts.cpu_seconds)
      .end();
  return writer.take() + "\n";
}

// A page of metrics asks for one after the other: they are read once for all of them.
const ProcessFacts& facts_of_this_page() {
  constexpr Duration page = std::chrono::milliseconds(20);
  thread_local ProcessFacts facts;
  thread_local Instant read_at{};
  const Instant now = std::chrono::steady_clock::now();
  if (read_at == Instant{} || now - read_at > page) {
    facts = process_facts();
    read_at = now;
  }
  return facts;
}

}  // namespace

ProcessFacts process_facts() {
  ProcessFacts facts;
  facts.open_files = count_open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    facts.open_files_max = static_cast<int64_t>(limit.rlim_cur);
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    facts.cpu_seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                        static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  }
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:") {
      status >> facts.resident_bytes;
      facts.resident_bytes *= 1024;
    } else if (word == "Threads:") {
      status >> facts.threads;
    }
  }
  return facts;
}

void register_process_metrics(metrics::Registry& registry) {
  const auto gauge = [&registry](const char* name, const char* help, auto read) {
    registry.gauge_from(name, help,
                        [read] { return static_cast<double>(read(facts_of_this_page())); });
  };
  const auto open_files = [](const ProcessFacts& facts) { return facts.open_files; };
  gauge("OpenFileDescriptors", "Files and sockets that are open.", open_files);
  gauge("process_open_fds", "The same.", open_files);
  gauge("process_max_fds", "How many may be.",
        [](const ProcessFacts& facts) { return facts.open_files_max; });
  gauge("process_resident_memory_bytes", "Memory in use.",
        [](const ProcessFacts& facts) { return facts.resident_bytes; });
  gauge("process_threads", "Threads.", [](const ProcessFacts& facts) { return facts.threads; });
  gauge("process_cpu_seconds_total", "Processor time used.",
        [](const ProcessFacts& facts) { return facts.cpu_seconds; });
}

void serve_debug(Server& server, log::Sink& sink) {
  for (const char* method : {"PUT", "POST"}) {
    server.route(method, "/log-level", [&sink](const Request& request, Responder responder) {
      const auto level = level_of(request.body);
      if (!level)
        return responder.reply(400, kText,
                               "Invalid log level: " + request.body.substr(0, 100) + "\n");
      sink.level(*level);
      responder.reply(200, kText, "log level: " + std::string(name_of(*level)) + "\n");
    });
  }
  server.route("GET", "/log-level", [&sink](const Request&, Responder responder) {
    responder.reply(200, kText, std::string(name_of(sink.level())) + "\n");
  });
  server.route("GET", "/debug/vars", [](const Request&, Responder responder) {
    responder.reply(200, "application/json", facts_text());
  });
}

}  // namespace causeway::rpc
