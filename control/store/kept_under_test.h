#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "control/store/kept_store.h"
#include "log/logger.h"

namespace causeway::store {

// A KeptStore on another store, with time that passes when it rests. What an actual row has behind
// an '@' is its cell. Test code.
class KeptUnderTest {
 public:
  explicit KeptUnderTest(Store& below, Duration round = Duration::zero())
      : kept_({.store = below,
               .clock = clock_,
               .logger = logger_,
               .soon = [this] { is_called_ = true; },
               .next_turn = [this] { is_bulk_due_ = true; },
               .rest = [this](Duration pause) { rest_ = pause; },
               .is_sure = [this] { return is_sure; },
               .cell_of =
                   [](std::string_view row) {
                     const size_t at = row.find('@');
                     return at == std::string_view::npos ? "" : row.substr(at + 1);
                   },
               .on_corrected = [this] { ++told_of_corrections; }},
              round) {}

  // What is due, once; whether anything was.
  bool turn() {
    const bool answered = answer();
    if (!rest_) return answered;
    clock_.advance(*std::exchange(rest_, std::nullopt));
    kept_.step();
    return true;
  }
  // Only what is to be answered.
  bool answer() {
    const bool is_called = std::exchange(is_called_, false);
    const bool is_bulk_due = std::exchange(is_bulk_due_, false);
    if (is_called) kept_.run_pending();
    if (is_bulk_due) kept_.run_bulk();
    return is_called || is_bulk_due;
  }
  KeptStore& store() { return kept_; }
  ManualClock& clock() { return clock_; }
  std::optional<Duration> rest() const { return rest_; }

  bool is_sure = true;
  int told_of_corrections = 0;

 private:
  ManualClock clock_;
  log::Sink sink_{{.level = log::Level::error, .path = "/dev/null"}};
  log::Logger logger_{sink_, "kept"};
  bool is_called_ = false, is_bulk_due_ = false;
  std::optional<Duration> rest_;
  KeptStore kept_;
};

}  // namespace causeway::store
