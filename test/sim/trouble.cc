// What goes wrong, until it is put right.
#include <algorithm>
#include <utility>

#include "control/bbs/rows/rows.h"
#include "test/sim/world.h"

namespace causeway::sim {

void World::trouble() {
  if (is_healing_) return;
  SimCell& victim = *cells_[rng_.below(cells_.size())];
  if (!scenario_.has_faults) {
    if (rng_.below(6) == 0) victim.evacuate();
    return;
  }
  const uint64_t kind = rng_.below(20);
  if (kind < 3) return trouble_bbs(kind);
  if (kind < 6) return trouble_redis(kind - 3);
  if (kind < 15) return trouble_cell(victim, kind - 6);
  switch (kind) {
    case 15:
      story("the clock jumps");
      // Now and then by hours, either way.
      return timeline_.jump_to(std::chrono::seconds(static_cast<int64_t>(rng_.below(120)) - 60) *
                               (rng_.below(4) == 0 ? 200 : 1));
    case 16:
      network_.faults({.lost = 0.2, .delayed = 0.2, .doubled = 0.2});
      return timeline_.after(std::chrono::seconds(rng_.below(20)), [this] {
        if (!is_healing_) network_.faults({.lost = 0.02, .doubled = 0.02});
      });
    case 17:
      upserts_domain_ = !upserts_domain_;
      return;
    default:
      if (SimBbs* const bbs = leader()) bbs->streams().cut_all();
  }
}

void World::trouble_bbs(uint64_t kind) {
  SimBbs* const bbs = leader();
  if (bbs == nullptr) return;
  const uint64_t token = bbs->token();
  switch (kind) {
    case 0:
      return end_bbs(token, "is killed");
    case 1:
      // A clean stop.
      if (bbs->process().is_paused()) return;
      redis_.release(token);
      return end_bbs(token, "ends");
    default:
      if (bbs->process().is_paused()) return;
      story("bbs " + std::to_string(token) + " is stopped");
      bbs->process().pause();
      return timeline_.after(std::chrono::milliseconds(rng_.below(25'000)), [this, token] {
        Machine* const machine = machine_of(token);
        if (machine == nullptr) return;
        story("bbs " + std::to_string(token) + " wakes up");
        machine->bbs->process().wake();
      });
  }
}

void World::trouble_redis(uint64_t kind) {
  switch (kind) {
    case 0:
      return break_link();
    case 1:
      story("Redis is away");
      redis_.set_up(false);
      for (const Machine& machine : machines_)
        if (machine.bbs) machine.bbs->link().break_off();
      return timeline_.after(std::chrono::milliseconds(rng_.below(5'000)), [this] {
        redis_.set_up(true);
        join_links();
      });
    default: {
      // The replica falls behind; then it is promoted. With WAIT nobody is told that what it does
      // not have stands.
      story("the replica hears of nothing");
      redis_.lose_replica();
      redis_.leave_unconfirmed(rng_.below(2) == 0);
      return timeline_.after(std::chrono::milliseconds(rng_.below(3'000)),
                             [this] { promote_replica(); });
    }
  }
}

// With the answer to the next commit, or without.
void World::break_link() {
  SimBbs* const bbs = leader();
  if (bbs == nullptr) return;
  story("the link of bbs " + std::to_string(bbs->token()) + " breaks");
  ++counts_.links_broken;
  bbs->link().break_at_next_commit();
  timeline_.after(std::chrono::milliseconds(rng_.below(200)), [this, token = bbs->token()] {
    if (Machine* const machine = machine_of(token)) machine->bbs->link().break_off();
    timeline_.after(std::chrono::milliseconds(rng_.below(3'000)), [this] { join_links(); });
  });
}

void World::join_links() {
  if (!redis_.is_up()) return;
  for (const Machine& machine : machines_)
    if (machine.bbs) machine.bbs->link().join();
}

void World::promote_replica() {
  const Listing before = truth();
  if (!redis_.promote_replica()) return;
  story("the replica is promoted: the last writes are lost");
  ++counts_.promotions;
  redis_.leave_unconfirmed(false);
  for (const Machine& machine : machines_)
    if (machine.bbs) machine.bbs->link().break_off();
  forget_what_is_lost(before);
  timeline_.after(std::chrono::milliseconds(rng_.below(3'000)), [this] { join_links(); });
}

// What Redis does not know any more of a task may happen once more.
void World::forget_what_is_lost(const Listing& before) {
  const Listing after = truth();
  const auto note_lost = [this](const Listing& these, const Listing& those) {
    for (const auto& [name, bytes] : these) {
      const auto other = those.find(name);
      if (name.front() != 't' || (other != those.end() && other->second == bytes)) continue;
      doubtful_tasks_.insert(name.substr(1));
      outcomes_.erase(name.substr(1));
    }
  };
  note_lost(before, after);
  note_lost(after, before);
}

void World::trouble_cell(SimCell& victim, uint64_t kind) {
  switch (kind) {
    case 0:
      story(victim.id() + " dies");
      ++counts_.cell_deaths;
      victim.die();
      return timeline_.after(std::chrono::seconds(rng_.below(60)),
                             [&victim] { victim.come_back(); });
    case 1:
      story(victim.id() + " is restarted, its containers go on");
      ++counts_.cell_restarts;
      victim.stop_rep();
      return timeline_.after(std::chrono::seconds(rng_.below(40)),
                             [&victim] { victim.start_rep(); });
    case 2:
    case 3:
    case 4:
      story(victim.id() + " is cut off");
      victim.cut_off(true);
      return timeline_.after(std::chrono::seconds(10 + rng_.below(50)), [this, &victim] {
        story(victim.id() + " is reachable again");
        victim.cut_off(false);
      });
    case 5:
    case 6:
      ++counts_.evacuations;
      return victim.evacuate();
    default:
      return victim.crash_one();
  }
}

void World::heal() {
  story("healing");
  is_healing_ = true;
  upserts_domain_ = true;
  network_.faults({});
  // Now and then one cell less is left, if that is not the only one that takes anything.
  const bool is_needed = std::all_of(cells_.begin() + 1, cells_.end(),
                                     [](const auto& one) { return one->is_evacuating(); });
  if (scenario_.has_faults && !is_needed && rng_.below(4) == 0) cells_.front()->die_for_good();
  for (const auto& one : cells_) one->come_back();
  promote_replica();
  redis_.set_up(true);
  for (Machine& machine : machines_) {
    machine.is_up = true;
    if (!machine.bbs) continue;
    machine.bbs->link().join();
    machine.bbs->process().wake();
  }
}

}  // namespace causeway::sim
