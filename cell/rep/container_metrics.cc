#include "cell/rep/container_metrics.h"

#include <utility>
#include <vector>

#include "cell/rep/cell_tags.h"
#include "json/json.h"
#include "metrics/registry.h"
#include "net/loop.h"

namespace causeway::rep {

namespace {

constexpr int64_t kBytesPerMb = 1024 * 1024;

std::string metric_guid_of(const executor::Container& container) {
  const auto tags = metric_tags_of(container);
  const auto source = tags.find("source_id");
  return source == tags.end() ? std::string() : source->second;
}

}  // namespace

ContainerMetrics::ContainerMetrics(net::Loop& loop, const executor::Executor& executor,
                                   metrics::Registry& registry)
    : loop_(loop), executor_(executor), timer_(loop) {
  registry.gauge_from("ContainerUsageMemory", "MB of memory that the containers use.", [this] {
    double sum = 0;
    for (const auto& [guid, sample] : samples_)
      sum += static_cast<double>(sample.usage.memory_bytes);
    return sum / static_cast<double>(kBytesPerMb);
  });
}

void ContainerMetrics::start(Duration interval) {
  measure(loop_.now());
  timer_.every(interval, [this] { measure(loop_.now()); });
}

void ContainerMetrics::measure(Instant now) {
  std::map<std::string, Sample> samples;
  for (const executor::Container& container : executor_.list()) {
    if (container.state != executor::State::running) continue;
    const auto usage = executor_.usage(container.guid);
    if (!usage) continue;  // it has just ended
    Sample sample{.usage = *usage, .taken = now};
    if (const auto before = samples_.find(container.guid); before != samples_.end()) {
      const auto passed = (sample.taken - before->second.taken).count();
      const int64_t used = sample.usage.cpu_ns - before->second.usage.cpu_ns;
      if (passed > 0 && used > 0)
        sample.cpu_fraction = static_cast<double>(used) / static_cast<double>(passed);
    }
    samples.emplace(container.guid, sample);
  }
  samples_ = std::move(samples);
}

std::string ContainerMetrics::json() const {
  json::Writer writer;
  const auto add = [&](const executor::Container& container, const Sample& sample) {
    writer.member("metric_guid", metric_guid_of(container))
        .member("cpu_usage_fraction", sample.cpu_fraction)
        .member("memory_usage_bytes", sample.usage.memory_bytes)
        .member("memory_quota_bytes", container.resources.memory_mb * kBytesPerMb)
        .member("disk_quota_bytes", container.resources.disk_mb * kBytesPerMb)
        .end();
  };
  writer.object();
  for (const Lifecycle lifecycle : {Lifecycle::lrp, Lifecycle::task}) {
    writer.key(lifecycle == Lifecycle::lrp ? "LRPs" : "Tasks").array();
    for (const auto& [guid, sample] : samples_) {
      const executor::Container* const container = executor_.find(guid);
      if (container == nullptr || lifecycle_of(*container) != lifecycle) continue;
      writer.object();
      if (lifecycle == Lifecycle::task) {
        writer.member("task_guid", guid);
      } else {
        const models::ActualLRPKey key = lrp_key_of(*container);
        writer.member("process_guid", key.process_guid())
            .member("index", key.index())
            .member("instance_guid", guid);
      }
      add(*container, sample);
    }
    writer.end();
  }
  writer.end();
  return writer.take();
}

}  // namespace causeway::rep
