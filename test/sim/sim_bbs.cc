#include "test/sim/sim_bbs.h"

#include <utility>

namespace causeway::sim {

SimBbs::SimBbs(const Surroundings& around)
    : link_(around.store, around.timeline, around.rng),
      timeline_(around.timeline),
      name_("e" + std::to_string(around.rng.next() % 1'000'000) + "-"),
      cells_(link_, around.logger),
      domains_(link_),
      errands_(cells_, around.outbox, around.logger),
      ledger_({link_, around.timeline, [this] { return name_ + std::to_string(++guids_); },
               streams_, errands_, around.logger}),
      callbacks_(ledger_, around.outbox, around.logger, 1000),
      sweeper_({link_, ledger_, cells_, domains_, errands_, around.timeline, around.logger}, {},
               {.rest =
                    [this](Duration, std::function<void()> go_on) {
                      timeline_.after(
                          std::chrono::milliseconds(1),
                          [go_on = std::move(go_on), alive = std::weak_ptr<const int>(alive_)] {
                            if (!alive.expired()) go_on();
                          });
                    },
                .on_end =
                    [this](bool) {
                      if (std::exchange(again_, false)) converge(true);
                    },
                .on_given_up = [] {}}) {
  ledger_.on_callback_due([this](const models::Task& task) { callbacks_.deliver(task); });
}

void SimBbs::converge(bool place_all) {
  // In a turn of its own: who asks may be inside a pass.
  timeline_.after(
      std::chrono::milliseconds(20), [this, place_all, alive = std::weak_ptr<const int>(alive_)] {
        if (alive.expired()) return;
        if (sweeper_.is_running()) {
          again_ = true;
        } else {
          sweeper_.begin(place_all ? bbs::Sweeper::Again::all : bbs::Sweeper::Again::stale);
        }
      });
}

}  // namespace causeway::sim
