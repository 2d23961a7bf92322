#include "tools/platform/supervisor.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <system_error>

#include "json/json.h"
#include "log/logger.h"
#include "net/child.h"
#include "net/loop.h"
#include "net/timer.h"
#include "tools/platform/state_file.h"

namespace causeway::platform {

constexpr uint64_t kLogBytesMax =
    64 << 20;  // a log and its predecessor: 128 MiB on disk at most, per service
constexpr Duration kRotateEvery = std::chrono::seconds(30);

// One service and its present process.
struct Supervisor::Kept {
  Kept(net::Loop& loop, Service s)
      : service(std::move(s)), restart(loop), grace(loop), rotate(loop) {}

  Service service;
  std::unique_ptr<net::Child> child;
  ProcessId process;
  net::Timer restart;
  net::Timer grace;
  net::Timer rotate;
  Instant started{};
  Duration pause{};
  uint32_t starts = 0;
  std::string last_end;
};

Supervisor::Supervisor(net::Loop& loop, const log::Logger& logger, std::vector<Service> services,
                       std::string state_path, Timing timing)
    : loop_(loop), logger_(logger), state_path_(std::move(state_path)), timing_(timing) {
  for (Service& service : services)
    kept_.push_back(std::make_unique<Kept>(loop, std::move(service)));
}

Supervisor::~Supervisor() = default;

void Supervisor::start() {
  for (auto& kept : kept_) {
    kept->pause = timing_.restart_pause_min;
    kept->rotate.every(kRotateEvery,
                       [path = kept->service.log_path] { rotate_log(path, kLogBytesMax); });
    spawn(*kept);
  }
}

void Supervisor::spawn(Kept& kept) {
  net::Child::Command command;
  command.argv = kept.service.argv;
  command.stdout_path = kept.service.log_path;
  command.stderr_path = kept.service.log_path;
  command.new_session = true;
  kept.started = loop_.now();
  ++kept.starts;
  auto child = net::Child::spawn(
      loop_, command,
      {.on_stdout = {}, .on_stderr = {}, .on_exit = [this, &kept](net::ChildExit exit) {
         ended(kept, exit.signal != 0 ? "signal " + std::to_string(exit.signal)
                                      : "exit " + std::to_string(exit.status));
       }});
  if (!child) {
    logger_.error("service.cannot-start", child.error(), {{"service", kept.service.name}});
    kept.last_end = to_string(child.error());
    write_state();
    kept.restart.once(timing_.restart_pause_max, [this, &kept] { spawn(kept); });
    return;
  }
  kept.child = *std::move(child);
  kept.process = identify(kept.child->pid());
  logger_.info(
      "service.started",
      {{"service", kept.service.name}, {"pid", kept.child->pid()}, {"starts", kept.starts}});
  write_state();
}

void Supervisor::ended(Kept& kept, const std::string& how) {
  const int pid = kept.child->pid();
  loop_.bury(std::move(kept.child));
  kept.process = {};
  kept.grace.disarm();
  kept.last_end = how;
  if (stopping_) {
    logger_.info("service.stopped", {{"service", kept.service.name}, {"pid", pid}, {"how", how}});
    write_state();
    stop_next();
    return;
  }
  if (loop_.now() - kept.started >= timing_.stable_after) kept.pause = timing_.restart_pause_min;
  logger_.warn("service.ended", {{"service", kept.service.name}, {"pid", pid}, {"how", how}});
  write_state();
  kept.restart.once(kept.pause, [this, &kept] { spawn(kept); });
  kept.pause = std::min(kept.pause * 2, timing_.restart_pause_max);
}

void Supervisor::stop(std::function<void()> on_stopped) {
  stopping_ = true;
  on_stopped_ = std::move(on_stopped);
  for (auto& kept : kept_) kept->restart.disarm();
  stop_next();
}

void Supervisor::stop_next() {
  for (auto kept = kept_.rbegin(); kept != kept_.rend(); ++kept) {
    if ((*kept)->child == nullptr) continue;
    if ((*kept)->grace.is_armed()) return;  // already asked
    net::Child& child = *(*kept)->child;
    (*kept)->grace.once(timing_.stop_grace, [&child] { child.kill(SIGKILL); });
    child.kill(SIGTERM);
    return;
  }
  for (auto& kept : kept_) kept->rotate.disarm();
  if (on_stopped_) on_stopped_();
}

void Supervisor::write_state() {
  json::Writer writer;
  writer.object().key("services").array();
  for (const auto& kept : kept_) {
    writer.object()
        .member("name", kept->service.name)
        .member("pid", kept->process.pid)
        .member("start_ticks", kept->process.start_ticks)
        .member("starts", kept->starts)
        .member("last_end", kept->last_end)
        .member("log", kept->service.log_path)
        .member("probe_url", kept->service.probe.url)
        .member("probe_port", kept->service.probe.port)
        .end();
  }
  writer.end().end();
  const Result<void> written = write_whole_file(state_path_, writer.take() + "\n");
  if (!written) logger_.error("state.cannot-write", written.error(), {{"path", state_path_}});
}

void rotate_log(const std::string& path, uint64_t bytes_max) {
  std::error_code failure;
  const auto size = std::filesystem::file_size(path, failure);
  if (failure || size <= bytes_max) return;
  std::filesystem::copy_file(path, path + ".1", std::filesystem::copy_options::overwrite_existing,
                             failure);
  std::filesystem::resize_file(path, 0, failure);
}

}  // namespace causeway::platform
