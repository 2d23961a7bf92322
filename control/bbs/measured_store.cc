#include "control/bbs/measured_store.h"

#include "metrics/registry.h"

namespace causeway::bbs {

MeasuredStore::MeasuredStore(store::Store& store, const Clock& clock, metrics::Registry& registry)
    : store_(store), clock_(clock) {
  const auto number = [](const uint64_t& count) {
    return [&count] { return static_cast<double>(count); };
  };
  registry.gauge_from("DBOpenConnections", "1 while the store is connected: one link does it all.",
                      [this] { return is_linked_ ? 1.0 : 0.0; });
  registry.counter_from("DBQueriesTotal", "Reads and commits begun.", number(total_));
  registry.counter_from("DBQueriesSucceeded", "Those that were answered.", number(succeeded_));
  registry.counter_from("DBQueriesFailed", "Those that were not.", number(failed_));
  registry.gauge_from("DBQueriesInFlight", "Those that wait for their answer.", number(in_flight_));
  registry.gauge_from("DBQueryDurationMax", "Seconds of the slowest lately.",
                      [this] { return slowest_.value(clock_.now()); });
}

void MeasuredStore::on_link(std::function<void(bool)> callback) {
  store_.on_link([this, callback = std::move(callback)](bool usable) {
    is_linked_ = usable;
    callback(usable);
  });
}

void MeasuredStore::ended(Instant began, bool good) {
  --in_flight_;
  ++(good ? succeeded_ : failed_);
  const Instant now = clock_.now();
  slowest_.note(std::chrono::duration<double>(now - began).count(), now);
}

}  // namespace causeway::bbs
