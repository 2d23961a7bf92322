#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace causeway::load {

// Counts of values in log-linear buckets: exact up to 2 * 10^digits, above that every power of two
// is cut into equal parts, so that a value is known to `digits` significant digits whatever its
// size. Grows with the largest value seen (3 digits: 8 KiB for each power of two). A value: copied,
// merged. Thread: its owner's.
class Histogram {
 public:
  static constexpr int digits_min = 1;
  static constexpr int digits_max = 5;
  static constexpr int digits_default = 3;

  explicit Histogram(int digits = digits_default);

  void record(uint64_t value, uint64_t times = 1) {
    const size_t index = index_of(value);
    if (index >= counts_.size()) counts_.resize(index + 1);
    counts_[index] += times;
    count_ += times;
    sum_ += static_cast<double>(value) * static_cast<double>(times);
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
  }
  // Both have the same number of digits.
  void merge(const Histogram& other);

  int digits() const noexcept { return digits_; }
  uint64_t count() const noexcept { return count_; }
  uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  uint64_t max() const noexcept { return max_; }
  double mean() const noexcept { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  // The smallest value that at least `quantile` (0..1) of all values do not exceed, rounded up
  // within its bucket and never above max(). 0 when nothing was recorded.
  uint64_t at(double quantile) const;
  // How many values were recorded in buckets that lie wholly above `value`.
  uint64_t count_above(uint64_t value) const;

 private:
  size_t index_of(uint64_t value) const noexcept {
    const int width = static_cast<int>(std::bit_width(value));
    if (width <= bits_) return static_cast<size_t>(value);
    const int shift = width - bits_;
    return (static_cast<size_t>(shift) << (bits_ - 1)) + static_cast<size_t>(value >> shift);
  }
  // The largest value of a bucket.
  uint64_t highest_of(size_t index) const noexcept;

  int digits_;
  int bits_;  // values below 2^bits_ have a bucket each
  uint64_t count_ = 0;
  double sum_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
  std::vector<uint64_t> counts_;
};

}  // namespace causeway::load
