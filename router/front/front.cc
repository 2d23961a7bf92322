#include "router/front/front.h"

#include <utility>

#include "base/check.h"
#include "router/front/arrival.h"

namespace causeway::router {

Front::Front(net::Loop& loop, const Settings& settings, FrontMetrics& metrics, OnClient on_client)
    : loop_(loop), settings_(settings), metrics_(metrics), on_client_(std::move(on_client)) {}

Front::~Front() { CHECK(arrivals_.empty()); }

void Front::admit(std::unique_ptr<net::Stream> stream, Entrance entrance) {
  arrivals_.push_back(
      std::make_unique<Arrival>(*this, std::move(stream), entrance, arrivals_.size()));
  metrics_.arriving.set(static_cast<double>(arrivals_.size()));
  arrivals_.back()->begin();
}

void Front::remove(Arrival& arrival) {
  const size_t place = arrival.place();
  CHECK(place < arrivals_.size() && arrivals_[place].get() == &arrival);
  std::unique_ptr<Arrival> taken = std::move(arrivals_[place]);
  if (place + 1 < arrivals_.size()) {
    arrivals_[place] = std::move(arrivals_.back());
    arrivals_[place]->place(place);
  }
  arrivals_.pop_back();
  metrics_.arriving.set(static_cast<double>(arrivals_.size()));
  loop_.bury(std::move(taken));
}

void Front::end() {
  arrivals_.clear();
  metrics_.arriving.set(0);
}

}  // namespace causeway::router
