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
constexpr Duration kDiskRest = std::chrono::minutes(1);  // between rounds of counting files
// Counting takes at most a tenth of the time of the thread that removes file trees.
constexpr int kDiskRestPerWork = 9;

std::string metric_guid_of(const executor::Container& container) {
  const auto tags = metric_tags_of(container);
  const auto source = tags.find("source_id");
  return source == tags.end() ? std::string() : source->second;
}

}  // namespace

ContainerMetrics::ContainerMetrics(net::Loop& loop, executor::Executor& executor,
                                   metrics::Registry& registry, std::string cell_id)
    : loop_(loop),
      executor_(executor),
      cell_id_(std::move(cell_id)),
      timer_(loop),
      disk_timer_(loop) {
  registry.gauge_from("ContainerUsageMemory", "MB of memory that the containers use.", [this] {
    double sum = 0;
    for (const auto& [guid, sample] : samples_)
      sum += static_cast<double>(sample.usage.memory_bytes);
    return sum / static_cast<double>(kBytesPerMb);
  });
  registry.gauge_from("ContainerUsageDisk", "MB that the containers have written to their disks.",
                      [this] {
                        double sum = 0;
                        for (const auto& [guid, bytes] : disks_) sum += static_cast<double>(bytes);
                        return sum / static_cast<double>(kBytesPerMb);
                      });
}

void ContainerMetrics::start(Duration interval) {
  measure(loop_.now());
  timer_.every(interval, [this] { measure(loop_.now()); });
  disk_timer_.once(kDiskRest, [this] { measure_disks(); });
}

void ContainerMetrics::measure_disks() {
  to_be_measured_.clear();
  for (const auto& [guid, sample] : samples_) to_be_measured_.push_back(guid);
  measure_next_disk();
}

void ContainerMetrics::measure_next_disk() {
  if (to_be_measured_.empty()) {
    disk_timer_.once(kDiskRest, [this] { measure_disks(); });
    return;
  }
  const std::string guid = std::move(to_be_measured_.back());
  to_be_measured_.pop_back();
  executor_.measure_disk(guid, [this, guid, began = loop_.now()](const Result<int64_t>& bytes) {
    if (bytes && samples_.contains(guid)) {
      disks_[guid] = *bytes;
    } else {
      disks_.erase(guid);  // gone, or too much to be counted: better no number than an old one
    }
    disk_timer_.once((loop_.now() - began) * kDiskRestPerWork, [this] { measure_next_disk(); });
  });
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
  std::erase_if(disks_, [this](const auto& disk) { return !samples_.contains(disk.first); });
}

std::string ContainerMetrics::json() const {
  json::Writer writer;
  const auto add = [&](const executor::Container& container, const Sample& sample) {
    writer.member("metric_guid", metric_guid_of(container))
        .member("cpu_usage_fraction", sample.cpu_fraction);
    if (const auto disk = disks_.find(container.guid); disk != disks_.end())
      writer.member("disk_usage_bytes", disk->second);
    writer.member("memory_usage_bytes", sample.usage.memory_bytes)
        .member("memory_quota_bytes", container.resources.memory_mb * kBytesPerMb)
        .member("disk_quota_bytes", container.resources.disk_mb * kBytesPerMb)
        .end();
  };
  writer.object().member("cell_id", cell_id_);
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
