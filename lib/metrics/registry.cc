#include "metrics/registry.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

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
    std::string labels;  // as first given, escaped
    Labels given;
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
    std::unordered_map<std::string, size_t> places = {};  // of series, by identity
    std::string view_of = {};  // another histogram's series, if not empty
    double divisor = 1;
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
    std::string identity = labels_text(sorted);  // the order of labels is not part of it
    const auto [place, is_new] =
        family.places.try_emplace(std::move(identity), family.series.size());
    if (is_new) family.series.push_back({labels_text(labels), labels, {}, {}, {}, {}});
    return family.series[place->second];
  }

  Family& family_of(Type type, std::string_view name, std::string_view help) {
    if (Family* known = find(name)) {
      CHECK(known->type == type && known->view_of.empty());
      return *known;
    }
    families.push_back({std::string(name), std::string(help), type, {}});
    return families.back();
  }

  Family* find(std::string_view name) {
    const auto found = std::find_if(families.begin(), families.end(),
                                    [name](const Family& family) { return family.name == name; });
    return found == families.end() ? nullptr : &*found;
  }
  static double total(const Series& series) {
    double total = 0;
    for (const Counter* shard : series.counters) total += static_cast<double>(shard->value());
    for (const Gauge* shard : series.gauges) total += shard->value();
    for (const auto& read : series.reads) total += read();
    return total;
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

void Registry::histogram_view(std::string_view name, std::string_view help, std::string_view of,
                              double divisor) {
  const std::lock_guard lock(state_->mutex);
  CHECK(is_name(name, true) && divisor > 0);
  if (const State::Family* known = state_->find(name)) return CHECK(known->view_of == of);
  const State::Family* viewed = state_->find(of);
  CHECK(viewed != nullptr && viewed->type == Type::histogram);
  state_->families.push_back({std::string(name), std::string(help), Type::histogram, {}});
  state_->families.back().view_of = of;
  state_->families.back().divisor = divisor;
}

std::vector<Registry::Sample> Registry::samples(std::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<Sample> samples;
  const State::Family* family = state_->find(name);
  if (family == nullptr || family->type == Type::histogram) return samples;
  for (const State::Series& series : family->series)
    samples.push_back({series.given, State::total(series)});
  return samples;
}

Registry::Distribution Registry::distribution(std::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  Distribution sum;
  const State::Family* family = state_->find(name);
  if (family == nullptr || family->type != Type::histogram || family->series.empty()) return sum;
  const std::span<const double> bounds = family->series.front().histograms.front()->bounds();
  sum.bounds.assign(bounds.begin(), bounds.end());
  sum.cumulative.assign(bounds.size() + 1, 0);
  uint64_t so_far = 0;
  for (size_t i = 0; i < sum.cumulative.size(); ++i) {
    for (const State::Series& series : family->series) {
      for (const Histogram* shard : series.histograms) {
        if (i < shard->bounds().size() + 1) so_far += shard->bucket(i);
      }
    }
    sum.cumulative[i] = so_far;
  }
  return sum;
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
                      const std::vector<const Histogram*>& shards, double divisor) {
  const std::span<const double> bounds = shards.front()->bounds();
  uint64_t cumulative = 0;
  double sum = 0;
  for (const Histogram* shard : shards) sum += shard->sum();
  for (size_t i = 0; i <= bounds.size(); ++i) {
    for (const Histogram* shard : shards) cumulative += shard->bucket(i);
    append_bucket(out, name, labels,
                  i < bounds.size() ? std::optional(bounds[i] / divisor) : std::nullopt,
                  cumulative);
  }
  append_sample_name(out, name, "_sum", labels);
  append_number(out, sum / divisor);
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
    const State::Family& source = family.view_of.empty() ? family : *state_->find(family.view_of);
    for (const State::Series& series : source.series) {
      if (family.type == Type::histogram) {
        append_histogram(out, family.name, series.labels, series.histograms, family.divisor);
        continue;
      }
      append_sample_name(out, family.name, "", series.labels);
      if (family.type == Type::counter && series.reads.empty()) {
        uint64_t total = 0;
        for (const Counter* shard : series.counters) total += shard->value();
        append_number(out, total);
      } else {
        append_number(out, State::total(series));
      }
      out += '\n';
    }
  }
  return out;
}

}  // namespace causeway::metrics
