#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/check.h"
#include "test/support/server_process.h"

namespace causeway::platform {

// The wall clock of programs that are started behind its prefix. Owner: a test.
class WallClock {
 public:
  WallClock() {
    const int file = ::open(path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0 && ::ftruncate(file, sizeof(std::atomic<int64_t>)) == 0);
    void* const mapped =
        ::mmap(nullptr, sizeof(std::atomic<int64_t>), PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    CHECK(mapped != MAP_FAILED);
    shift_ = static_cast<std::atomic<int64_t>*>(mapped);
  }
  WallClock(const WallClock&) = delete;
  WallClock& operator=(const WallClock&) = delete;
  ~WallClock() { ::munmap(shift_, sizeof(std::atomic<int64_t>)); }

  std::vector<std::string> prefix() const {
    return {"env",
            "LD_PRELOAD=" + std::string(std::getenv("CAUSEWAY_BIN_DIR")) +
                "/../test/libcauseway_shifted_clock.so",
            "SHIFTED_CLOCK=" + path()};
  }
  void shift(std::chrono::nanoseconds by) { shift_->store(by.count()); }

 private:
  std::string path() const { return folder_.path() + "/shift"; }

  causeway::test::TempFolder folder_;
  std::atomic<int64_t>* shift_ = nullptr;
};

}  // namespace causeway::platform
