#include "cell/rep/departure.h"

#include "cell/executor/executor.h"
#include "net/loop.h"

namespace causeway::rep {

namespace {
constexpr Duration kDepartureLook = std::chrono::milliseconds(20);
constexpr Duration kForcedPatience = std::chrono::seconds(10);  // for removals that were forced
}  // namespace

Departure::Departure(net::Loop& loop, executor::Executor& executor, Duration patience,
                     std::function<void()> on_over)
    : loop_(loop),
      executor_(executor),
      patience_(patience),
      on_over_(std::move(on_over)),
      watch_(loop) {}

void Departure::start() {
  if (is_on_) return;
  is_on_ = true;
  for (const executor::Container& container : executor_.list())
    (void)executor_.stop(container.guid);
  deadline_ = loop_.now() + patience_;
  watch_.every(kDepartureLook, [this] { look(); });
}

void Departure::look() {
  const bool is_empty = executor_.list().empty();
  if (!is_empty && loop_.now() < deadline_) return;
  if (!is_empty && !is_forced_) {
    is_forced_ = true;
    deadline_ = loop_.now() + kForcedPatience;
    for (const executor::Container& container : executor_.list())
      executor_.remove(container.guid, [](const Result<void>&) {});
    return;
  }
  watch_.disarm();
  on_over_();
}

}  // namespace causeway::rep
