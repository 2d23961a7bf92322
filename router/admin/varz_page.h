#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "metrics/registry.h"

namespace causeway::router {

// The page /varz that old collectors read (status.enable_deprecated_varz_healthz_endpoints): the
// registry's numbers under their old names, with moving averages. Percentiles are read off a
// histogram. Owner: Admin. Thread: control.
class VarzPage {
 public:
  struct Identity {
    uint32_t index = 0;
    std::string host = {};  // ip:port of the status listener
    std::string user = {}, password = {};
  };
  VarzPage(const metrics::Registry& registry, const Clock& clock, Identity identity);

  // Call it every tick_interval.
  void tick();
  static constexpr std::chrono::seconds tick_interval{5};

  // `urls`: routes; `droplets`: endpoints.
  std::string json(size_t urls, size_t droplets) const;

 private:
  // Requests per second, averaged over one, five and fifteen minutes.
  struct Rate {
    uint64_t seen = 0;
    bool has_begun = false;
    std::array<double, 3> per_second{};
    void take(uint64_t total);
  };
  using Counts = std::unordered_map<std::string, uint64_t>;

  double value(std::string_view name) const;  // all series together
  Counts by_label(std::string_view name) const;

  const metrics::Registry& registry_;
  const Clock& clock_;
  const Identity identity_;
  const std::string uuid_;
  const Instant started_;
  const WallTime started_wall_;
  Rate requests_;
  std::unordered_map<std::string, Rate> component_requests_;
  std::deque<Counts> app_requests_;  // of each tick of the last minute
  double cpu_seconds_ = 0;
  double cpu_percent_ = 0;
};

}  // namespace causeway::router
