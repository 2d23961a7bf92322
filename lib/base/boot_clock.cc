#include "base/boot_clock.h"

#include <ctime>

#include "base/check.h"

namespace causeway {

BootInstant SystemBootClock::now() const {
  timespec now{};
  CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  return BootInstant(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace causeway
