#include "control/route_emitter/farewells.h"

#include <iterator>

namespace causeway::route_emitter {

void Farewells::add(const RouteMessage& message) {
  if (options_.repeats == 0) return;
  if (waiting_.size() >= options_.entries_max && !waiting_.contains(message.route)) {
    ++dropped_;
    return;
  }
  waiting_.insert_or_assign(message.route, Waiting{message, options_.repeats});
}

void Farewells::repeat(const std::function<void(const RouteMessage&)>& send) {
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    send(entry->second.message);
    const bool is_last = --entry->second.repeats_left == 0;
    entry = is_last ? waiting_.erase(entry) : std::next(entry);
  }
}

void Farewells::visit(const std::function<void(const RouteMessage&)>& send) const {
  for (const auto& [route, waiting] : waiting_) send(waiting.message);
}

}  // namespace causeway::route_emitter
