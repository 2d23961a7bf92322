#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace causeway::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;  // name, value; in the order given

// Counts up. One writer thread (a worker owns its shard); any thread reads. Relaxed: a scrape may
// see it a moment late.
class Counter {
 public:
  void add(uint64_t n = 1) noexcept { value_.store(value() + n, std::memory_order_relaxed); }
  uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// A value that goes up and down. Same rules as Counter.
class Gauge {
 public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(double by) noexcept { set(value() + by); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Observations in buckets with upper bounds in ascending order (+Inf is implied). Same rules as
// Counter.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void observe(double value) noexcept;
  std::span<const double> bounds() const { return bounds_; }
  uint64_t bucket(size_t i) const noexcept {
    return counts_[i].value();
  }  // not cumulative; i <= bounds().size()
  double sum() const noexcept { return sum_.value(); }
  uint64_t count() const noexcept;

 private:
  std::vector<double> bounds_;
  std::vector<Counter> counts_;
  Gauge sum_;
};

// All metrics of one process. The same name and labels may be registered by several shards (one per
// worker): the scrape adds them up. Registration takes a lock; using a metric never does.
// References live as long as it. Owner: main(). Any thread may register and scrape.
class Registry {
 public:
  Registry();
  ~Registry();
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                       Labels labels = {});
  // A gauge computed at scrape time, on the scraping thread. `read` must not use the registry (its
  // lock is held).
  void gauge_from(std::string_view name, std::string_view help, std::function<double()> read,
                  Labels labels = {});
  // The same for a count that something else keeps.
  void counter_from(std::string_view name, std::string_view help, std::function<double()> read,
                    Labels labels = {});

  // The histogram `of` under another name as well, its bounds and sum divided: the same
  // observations in another unit, at no cost to who observes. `of` exists; the same view may be
  // asked for again.
  void histogram_view(std::string_view name, std::string_view help, std::string_view of,
                      double divisor);

  struct Sample {
    Labels labels;
    double value = 0;
  };
  // What a scrape would say of a counter or gauge; empty when there is none of that name.
  std::vector<Sample> samples(std::string_view name) const;
  // All series of a histogram added up: upper bounds and, for each and +Inf, the observations up to
  // it.
  struct Distribution {
    std::vector<double> bounds;
    std::vector<uint64_t> cumulative;
  };
  Distribution distribution(std::string_view name) const;

  // Prometheus text exposition format 0.0.4: HELP and TYPE once per name, in order of registration,
  // escaped.
  std::string prometheus_text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::metrics
