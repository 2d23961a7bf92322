#include "router/admin/varz_page.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <thread>
#include <utility>
#include <vector>

#include "json/json.h"
#include "tls/random.h"

namespace causeway::router {
namespace {

constexpr size_t ticks_per_minute = 60 / VarzPage::tick_interval.count();
constexpr size_t top_apps = 10;

// "2006-01-02 15:04:05 +0000"
std::string start_text(WallTime time) {
  const auto seconds = static_cast<std::time_t>(time.unix_ns / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S +0000", &parts)};
}

// "0d:1h:2m:3s"
std::string uptime_text(Duration up) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(up).count();
  return std::to_string(seconds / 86400) + "d:" + std::to_string(seconds / 3600 % 24) +
         "h:" + std::to_string(seconds / 60 % 60) + "m:" + std::to_string(seconds % 60) + "s";
}

// The value that `share` of all observations do not exceed, taken as spread evenly in its bucket.
double percentile(const metrics::Registry::Distribution& all, double share) {
  if (all.cumulative.empty() || all.cumulative.back() == 0) return 0;
  const double rank = share * static_cast<double>(all.cumulative.back());
  size_t i = 0;
  while (i < all.bounds.size() && static_cast<double>(all.cumulative[i]) < rank) ++i;
  if (i == all.bounds.size()) return all.bounds.back();
  const double below = i == 0 ? 0 : static_cast<double>(all.cumulative[i - 1]);
  const double inside = static_cast<double>(all.cumulative[i]) - below;
  const double from = i == 0 ? 0 : all.bounds[i - 1];
  return inside == 0 ? all.bounds[i] : from + (all.bounds[i] - from) * (rank - below) / inside;
}

void write_rate(json::Writer& out, const std::array<double, 3>& rate) {
  out.key("rate").array();
  for (const double each : rate) out.value(each);
  out.end();
}

void write_latency(json::Writer& out, const metrics::Registry::Distribution& milliseconds) {
  out.key("latency").object();
  for (const int share : {50, 75, 90, 95, 99})
    out.member(std::to_string(share), percentile(milliseconds, share / 100.0) / 1000);
  out.member("value", 5e-07).member("samples", 1).end();  // constants of the original
}

}  // namespace

void VarzPage::Rate::take(uint64_t total) {
  const double seconds = static_cast<double>(tick_interval.count());
  const double now = static_cast<double>(total - std::min(seen, total)) / seconds;
  seen = total;
  for (size_t i = 0; i < per_second.size(); ++i) {
    const double minutes = i == 0 ? 1 : i == 1 ? 5 : 15;
    const double weight = 1 - std::exp(-seconds / 60 / minutes);
    per_second[i] = has_begun ? per_second[i] + weight * (now - per_second[i]) : now;
  }
  has_begun = true;
}

VarzPage::VarzPage(const metrics::Registry& registry, const Clock& clock, Identity identity)
    : registry_(registry),
      clock_(clock),
      identity_(std::move(identity)),
      uuid_(std::to_string(identity_.index) + "-" + tls::random_uuid()),
      started_(clock.now()),
      started_wall_(clock.wall()) {}

double VarzPage::value(std::string_view name) const {
  double sum = 0;
  for (const auto& sample : registry_.samples(name)) sum += sample.value;
  return sum;
}

VarzPage::Counts VarzPage::by_label(std::string_view name) const {
  Counts counts;
  for (const auto& sample : registry_.samples(name)) {
    if (!sample.labels.empty())
      counts[sample.labels.front().second] += static_cast<uint64_t>(sample.value);
  }
  return counts;
}

void VarzPage::tick() {
  requests_.take(static_cast<uint64_t>(value("total_requests")));
  for (const auto& [component, count] : by_label("total_requests"))
    component_requests_[component].take(count);
  app_requests_.push_back(by_label("app_requests"));
  if (app_requests_.size() > ticks_per_minute) app_requests_.pop_front();
  const double cpu = value("process_cpu_seconds_total");
  cpu_percent_ = (cpu - cpu_seconds_) / static_cast<double>(tick_interval.count()) * 100;
  cpu_seconds_ = cpu;
}

std::string VarzPage::json(size_t urls, size_t droplets) const {
  json::Writer out;
  out.object();
  out.member("type", "Router").member("index", identity_.index).member("host", identity_.host);
  out.key("credentials").array().value(identity_.user).value(identity_.password).end();
  out.member("uuid", uuid_).member("start", start_text(started_wall_));
  out.member("num_cores", std::thread::hardware_concurrency());
  out.member("mem", static_cast<int64_t>(value("process_resident_memory_bytes") / 1024));
  out.member("cpu", cpu_percent_).member("uptime", uptime_text(clock_.now() - started_));
  out.key("log_counts").object().end();

  out.member("requests", static_cast<uint64_t>(value("total_requests")));
  write_rate(out, requests_.per_second);
  Counts responses = by_label("responses");
  for (const char* group : {"2xx", "3xx", "4xx", "5xx", "xxx"})
    out.member(std::string("responses_") + group, responses[group]);
  write_latency(out, registry_.distribution("latency"));

  out.key("tags").object().key("component").object();
  for (const auto& [component, rate] : component_requests_) {
    if (component.empty()) continue;
    out.key(component).object().member("requests", rate.seen);
    write_rate(out, rate.per_second);
    out.end();
  }
  out.end().end();
  out.member("urls", urls).member("droplets", droplets);
  out.member("bad_requests", static_cast<uint64_t>(value("rejected_requests")));
  out.member("bad_gateways", static_cast<uint64_t>(value("bad_gateways")));
  out.member("requests_per_sec", requests_.per_second[0]);

  std::vector<std::pair<uint64_t, std::string>> apps;
  for (const auto& [app, count] : by_label("app_requests")) {
    uint64_t before = 0;
    if (!app_requests_.empty()) {
      const auto found = app_requests_.front().find(app);
      if (found != app_requests_.front().end()) before = found->second;
    }
    if (count > before) apps.emplace_back(count - before, app);
  }
  std::sort(apps.rbegin(), apps.rend());
  if (apps.size() > top_apps) apps.resize(top_apps);
  out.key("top10_app_requests").array();
  for (const auto& [per_minute, app] : apps) {
    out.object().member("application_id", app).member("rps", per_minute / 60);
    out.member("rpm", per_minute).end();
  }
  out.end();
  out.member("ms_since_last_registry_update",
             static_cast<int64_t>(value("ms_since_last_registry_update")));
  out.end();
  return out.take();
}

}  // namespace causeway::router
