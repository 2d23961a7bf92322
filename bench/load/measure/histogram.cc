#include "bench/load/measure/histogram.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace causeway::load {

Histogram::Histogram(int digits) : digits_(digits) {
  CHECK(digits >= digits_min && digits <= digits_max);
  uint64_t exact = 2;
  for (int i = 0; i < digits; ++i) exact *= 10;
  bits_ = static_cast<int>(std::bit_width(exact - 1));
}

void Histogram::merge(const Histogram& other) {
  CHECK(digits_ == other.digits_);
  if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

uint64_t Histogram::highest_of(size_t index) const noexcept {
  if (index < (size_t{1} << bits_)) return index;
  const size_t shift = (index >> (bits_ - 1)) - 1;
  const uint64_t part = index - (shift << (bits_ - 1));
  return ((part + 1) << shift) - 1;
}

uint64_t Histogram::at(double quantile) const {
  if (count_ == 0) return 0;
  // 0.999 * 1000 is a little more than 999 in binary: the slack keeps such products at their rank.
  const double wanted = std::ceil(quantile * static_cast<double>(count_) - 1e-6);
  const uint64_t rank = wanted < 1 ? 1 : std::min(static_cast<uint64_t>(wanted), count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(highest_of(i), max_);
  }
  return max_;
}

uint64_t Histogram::count_above(uint64_t value) const {
  uint64_t above = 0;
  for (size_t i = index_of(value) + 1; i < counts_.size(); ++i) above += counts_[i];
  return above;
}

}  // namespace causeway::load
