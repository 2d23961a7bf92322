#include "router/observe/access_log.h"

#include <utility>

#include "router/observe/file_outlet.h"

namespace causeway::router {

Result<std::unique_ptr<AccessLog>> AccessLog::open(Options options) {
  std::unique_ptr<AccessLog> log(new AccessLog);
  const LineQueue::Options queue{.bytes_max = options.queue_bytes_max,
                                 .blocks_when_full = options.blocks_when_full,
                                 .thread_niceness = options.thread_niceness,
                                 .logger = options.logger};
  if (!options.path.empty()) {
    auto file = FileOutlet::open(std::move(options.path));
    if (!file) return std::move(file).error();
    log->queues_.push_back(std::make_unique<LineQueue>(std::move(file).value(), queue));
  }
  if (options.syslog) {
    options.syslog->logger = options.logger;
    log->queues_.push_back(std::make_unique<LineQueue>(
        std::make_unique<SyslogOutlet>(*std::move(options.syslog)), queue));
  }
  return log;
}

void AccessLog::submit(std::string& text, size_t lines) {
  for (size_t i = 1; i < queues_.size(); ++i) queues_[i]->submit_copy(text, lines);
  if (queues_.empty()) return text.clear();
  queues_.front()->submit(text, lines);
}

void AccessLog::reopen() {
  for (const auto& queue : queues_) queue->reopen();
}

void AccessLog::stop_blocking() {
  for (const auto& queue : queues_) queue->stop_blocking();
}

void AccessLog::flush() {
  for (const auto& queue : queues_) queue->flush();
}

uint64_t AccessLog::lines_written() const {
  uint64_t lines = 0;
  for (const auto& queue : queues_) lines += queue->lines_written();
  return lines;
}

uint64_t AccessLog::lines_dropped() const {
  uint64_t lines = 0;
  for (const auto& queue : queues_) lines += queue->lines_dropped();
  return lines;
}

void AccessLog::register_metrics(metrics::Registry& registry) const {
  for (const auto& owned : queues_) {
    const LineQueue* queue = owned.get();
    const metrics::Labels labels{{"sink", std::string(queue->name())}};
    registry.counter_from(
        "access_log_lines_written", "Access log lines that have left.",
        [queue] { return static_cast<double>(queue->lines_written()); }, labels);
    registry.counter_from(
        "access_log_lines_dropped", "Access log lines lost: what takes them is slow or away.",
        [queue] { return static_cast<double>(queue->lines_dropped()); }, labels);
    registry.gauge_from(
        "access_log_bytes_waiting", "Bytes of access log lines that wait to leave.",
        [queue] { return static_cast<double>(queue->bytes_waiting()); }, labels);
  }
}

}  // namespace causeway::router
