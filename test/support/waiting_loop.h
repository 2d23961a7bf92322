#pragma once

#include <chrono>
#include <functional>

#include "base/clock.h"
#include "net/loop.h"
#include "net/timer.h"

namespace causeway::test {

// A loop that runs while the test waits for something.
// Owner: the test, which is one. Thread: its. Ends: with it.
class WaitingLoop {
 protected:
  WaitingLoop() {
    tick_.every(std::chrono::milliseconds(5), [] {});
  }
  [[nodiscard]] bool until(const std::function<bool()>& holds,
                           Duration limit = std::chrono::seconds(60)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!holds() && std::chrono::steady_clock::now() < deadline) loop_.run_once();
    return holds();
  }

  net::Loop loop_;

 private:
  net::Timer tick_{loop_};
};

}  // namespace causeway::test
