// Preloaded into a program, it sets that program's wall clock wrong by as many nanoseconds as the
// file SHIFTED_CLOCK says (an int64_t, read anew each time); monotonic clocks go on as they were.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr int64_t second_ns = 1'000'000'000;

int64_t shift_ns() {
  // Mapped once; a program without the file has its clock as it is.
  static const std::atomic<int64_t>* const shift = []() -> const std::atomic<int64_t>* {
    const char* const path = std::getenv("SHIFTED_CLOCK");
    const int file = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* const mapped =
        ::mmap(nullptr, sizeof(std::atomic<int64_t>), PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    return mapped == MAP_FAILED ? nullptr : static_cast<const std::atomic<int64_t>*>(mapped);
  }();
  return shift == nullptr ? 0 : shift->load();
}

int64_t wall_ns() {
  timespec now{};
  ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return now.tv_sec * second_ns + now.tv_nsec + shift_ns();
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, now));
  const int64_t wall = wall_ns();
  *now = {wall / second_ns, wall % second_ns};
  return 0;
}

int gettimeofday(timeval* now, void*) noexcept {
  const int64_t wall = wall_ns();
  *now = {wall / second_ns, wall % second_ns / 1000};
  return 0;
}

time_t time(time_t* now) noexcept {
  const time_t seconds = wall_ns() / second_ns;
  if (now != nullptr) *now = seconds;
  return seconds;
}

}  // extern "C"
