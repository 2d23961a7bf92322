#pragma once

namespace causeway {

// Makes the calling thread one that others do not wait for: it gets less of a busy CPU by
// `niceness` (0..19, as nice(1); 0: as much as the others) and, unless that is 0, does not push a
// running thread aside when it wakes up (SCHED_BATCH). Threads that it starts later are the same.
// Cannot be taken back without privileges. Does nothing where the system refuses.
void become_background_thread(int niceness);

}  // namespace causeway
