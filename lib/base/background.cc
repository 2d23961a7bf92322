#include "base/background.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"

namespace causeway {

void become_background_thread(int niceness) {
  CHECK(niceness >= 0 && niceness <= 19);
  if (niceness == 0) return;
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH, &none);
  // Linux: of the one thread, whatever POSIX says of processes.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
}

}  // namespace causeway
