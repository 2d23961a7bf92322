#include "metrics/registry.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <deque>
#include <optional>

#include "base/check.h"
#include "base/utf8.h"

namespace causeway::metrics {
namespace {

enum class Type : uint8_t { counter, gauge, histogram };

std::string_view type_name(Type type) {
  switch (type) {
    case Type::counter:
      return "counter";
    case Type::gauge:
      return "gauge";
    case Type::histogram:
      return "histogram";
  }
  return "untyped";
}

bool is_name(std::string_view name, bool colon) {
  const auto letter = [colon](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
  };
  if (name.empty() || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (quotes && c == '"')) {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
}

void append_number(std::string& out, uint64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

void append_number(std::string& out, double number) {
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number > 0 ? "+Inf" : "-Inf";
  } else {
    char digits[32];
    out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
  }
}

// `a="x",b="y"`: what stands between the braces.
std::string labels_text(const Labels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    if (!text.empty()) text += ',';
    text += name;
    text += "=\"";
    append_escaped(text, utf8_sanitized(value), true);
    text += '"';
  }
  return text;
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {
  CHECK(std::adjacent_find(bounds_.begin(), bounds_.end(), std::greater_equal<>()) ==
        bounds_.end());
  CHECK(std::all_of(bounds_.begin(), bounds_.end(),
                    [](double bound) { return std::isfinite(bound); }));
}

void Histogram::observe(double value) noexcept {
  if (std::isnan(value))
    return;  // it belongs into no bucket and would make the sum useless for ever
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<size_t>(bound - bounds_.begin())].add();
  sum_.add(value);
}

uint64_t Histogram::count() const noexcept {
  uint64_t total = 0;
  for (const Counter& count : counts_) total += count.value();
  return total;
}

struct Registry::State {
  // All shards of one name and one set of labels.
  struct Series {
    std::string identity;  // labels sorted: their order is not part of it
    std::string labels;    // as first given, escaped
    std::vector<const Counter*> counters;
    std::vector<const Gauge*> gauges;
    std::vector<const Histogram*> histograms;
    std::vector<std::function<double()>> reads;
  };
  struct Family {
    std::string name;
    std::string help;
    Type type;
    std::vector<Series> series;
  };

  Series& series(Type type, std::string_view name, std::string_view help, const Labels& labels) {
    CHECK(is_name(name, true));
    for (const auto& [label, value] : labels) {
      CHECK(is_name(label, false) && !label.starts_with("__"));
      CHECK(type != Type::histogram || label != "le");
    }
    Family& family = family_of(type, name, help);
    Labels sorted = labels;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 1; i < sorted.size(); ++i) CHECK(sorted[i - 1].first != sorted[i].first);
    std::string identity = labels_text(sorted);
    for (Series& known : family.series) {
      if (known.identity == identity) return known;
    }
    family.series.push_back({std::move(identity), labels_text(labels), {}, {}, {}, {}});
    return family.series.back();
  }

  Family& family_of(Type type, std::string_view name, std::string_view help) {
    for (Family& known : families) {
      if (known.name != name) continue;
      CHECK(known.type == type);
      return known;
    }
    families.push_back({std::string(name), std::string(help), type, {}});
    return families.back();
  }

  mutable std::mutex mutex;
  std::deque<Counter> counters;
  std::deque<Gauge> gauges;
  std::deque<Histogram> histograms;
  std::vector<Family> families;
};

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  State::Series& series = state_->series(Type::counter, name, help, labels);
  series.counters.push_back(&state_->counters.emplace_back());
  return state_->counters.back();
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  State::Series& series = state_->series(Type::gauge, name, help, labels);
  series.gauges.push_back(&state_->gauges.emplace_back());
  return state_->gauges.back();
}

Histogram& Registry::histogram(std::string_view name, std::string_view help,
                               std::vector<double> bounds, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  State::Series& series = state_->series(Type::histogram, name, help, labels);
  if (!series.histograms.empty()) {
    const std::span<const double> known = series.histograms.front()->bounds();
    CHECK(std::equal(known.begin(), known.end(), bounds.begin(), bounds.end()));
  }
  series.histograms.push_back(&state_->histograms.emplace_back(std::move(bounds)));
  return state_->histograms.back();
}

void Registry::gauge_from(std::string_view name, std::string_view help,
                          std::function<double()> read, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  state_->series(Type::gauge, name, help, labels).reads.push_back(std::move(read));
}

void Registry::counter_from(std::string_view name, std::string_view help,
                            std::function<double()> read, Labels labels) {
  const std::lock_guard lock(state_->mutex);
  state_->series(Type::counter, name, help, labels).reads.push_back(std::move(read));
}

namespace {

void append_sample_name(std::string& out, std::string_view name, std::string_view suffix,
                        std::string_view labels) {
  out += name;
  out += suffix;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
}

void append_bucket(std::string& out, std::string_view name, std::string_view labels,
                   std::optional<double> bound, uint64_t cumulative) {
  out += name;
  out += "_bucket{";
  if (!labels.empty()) {
    out += labels;
    out += ',';
  }
  out += "le=\"";
  if (bound) {
    append_number(out, *bound);
  } else {
    out += "+Inf";
  }
  out += "\"} ";
  append_number(out, cumulative);
  out += '\n';
}

void append_histogram(std::string& out, std::string_view name, std::string_view labels,
                      const std::vector<const Histogram*>& shards) {
  const std::span<const double> bounds = shards.front()->bounds();
  uint64_t cumulative = 0;
  double sum = 0;
  for (const Histogram* shard : shards) sum += shard->sum();
  for (size_t i = 0; i <= bounds.size(); ++i) {
    for (const Histogram* shard : shards) cumulative += shard->bucket(i);
    append_bucket(out, name, labels, i < bounds.size() ? std::optional(bounds[i]) : std::nullopt,
                  cumulative);
  }
  append_sample_name(out, name, "_sum", labels);
  append_number(out, sum);
  out += '\n';
  append_sample_name(out, name, "_count", labels);
  append_number(out, cumulative);  // of the same reading as the buckets
  out += '\n';
}

}  // namespace

std::string Registry::prometheus_text() const {
  std::string out;
  const std::lock_guard lock(state_->mutex);
  for (const State::Family& family : state_->families) {
    out += "# HELP ";
    out += family.name;
    out += ' ';
    append_escaped(out, family.help, false);
    out += "\n# TYPE ";
    out += family.name;
    out += ' ';
    out += type_name(family.type);
    out += '\n';
    for (const State::Series& series : family.series) {
      if (family.type == Type::histogram) {
        append_histogram(out, family.name, series.labels, series.histograms);
        continue;
      }
      append_sample_name(out, family.name, "", series.labels);
      if (family.type == Type::counter && series.reads.empty()) {
        uint64_t total = 0;
        for (const Counter* shard : series.counters) total += shard->value();
        append_number(out, total);
      } else {
        double total = 0;
        for (const Counter* shard : series.counters) total += static_cast<double>(shard->value());
        for (const Gauge* shard : series.gauges) total += shard->value();
        for (const auto& read : series.reads) total += read();
        append_number(out, total);
      }
      out += '\n';
    }
  }
  return out;
}

}  // namespace causeway::metrics
