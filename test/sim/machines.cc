// Who leads: a lock with a time to live, and a token that every commit is compared with.
#include <utility>

#include "test/sim/world.h"

namespace causeway::sim {

SimBbs* World::leader() const {
  SimBbs* newest = nullptr;
  for (const Machine& machine : machines_)
    if (machine.bbs && (newest == nullptr || newest->token() < machine.bbs->token()))
      newest = machine.bbs.get();
  return newest;
}

SimBbs* World::asked() {
  SimBbs* const newest = leader();
  if (is_healing_ || newest == nullptr) return newest;
  // A connection that was open before, or an old address.
  for (const Machine& machine : machines_)
    if (machine.bbs && machine.bbs.get() != newest && rng_.below(10) == 0) return machine.bbs.get();
  return newest;
}

void World::at_bbs(const std::function<void(SimBbs&)>& action) {
  if (SimBbs* const bbs = asked()) bbs->process().run([bbs, action] { action(*bbs); });
}

World::Machine* World::machine_of(uint64_t token) {
  for (Machine& machine : machines_)
    if (machine.bbs && machine.bbs->token() == token) return &machine;
  return nullptr;
}

void World::begin_office(Machine& machine) {
  const uint64_t token = ++tokens_;
  redis_.take_lead(token, timeline_.now() + SimBbs::lock_ttl);
  story("bbs " + std::to_string(token) + " leads");
  machine.bbs = std::make_unique<SimBbs>(
      SimBbs::Surroundings{redis_, timeline_, rng_, *this, logger_,
                           [this, token] {
                             ++counts_.bbs_fenced;
                             // In a turn of its own: not under its own stack.
                             timeline_.after(Duration::zero(),
                                             [this, token] { end_bbs(token, "is fenced off"); });
                           },
                           scenario_.keeps_rows},
      token);
}

void World::count(SimBbs& bbs) {
  counts_.conflicts += bbs.ledger().conflicts();
  counts_.memory_reads += bbs.kept().counts().reads;
  counts_.forgotten += bbs.kept().counts().forgotten;
}

// Its supervisor starts it again after a while.
void World::end_bbs(uint64_t token, const char* why) {
  Machine* const machine = machine_of(token);
  if (machine == nullptr) return;
  story("bbs " + std::to_string(token) + " " + why);
  ++counts_.bbs_deaths;
  count(*machine->bbs);
  machine->bbs.reset();
  machine->is_up = false;
  timeline_.after(std::chrono::milliseconds(is_healing_ ? 1 : rng_.below(20'000)),
                  [machine] { machine->is_up = true; });
}

// Each second.
void World::look_after_locks() {
  for (Machine& machine : machines_) {
    if (!machine.bbs || machine.bbs->process().is_paused()) continue;
    SimBbs& bbs = *machine.bbs;
    if (!bbs.link().is_up()) {
      if (timeline_.now() - bbs.last_renewed() > SimBbs::lock_ttl)
        end_bbs(bbs.token(), "could not renew its lock");
    } else if (redis_.renew(bbs.token(), timeline_.now() + SimBbs::lock_ttl)) {
      bbs.renewed();
      bbs.presences().look_for_expired();
    } else {
      end_bbs(bbs.token(), "has lost its lock");
    }
  }
  if (!redis_.is_up() || redis_.has_leader(timeline_.now())) return;
  Machine& first = machines_[rng_.below(machines_.size())];
  for (Machine* machine : {&first, &machines_[&first == &machines_[0] ? 1 : 0]})
    if (machine->is_up && !machine->bbs) return begin_office(*machine);
}

}  // namespace causeway::sim
