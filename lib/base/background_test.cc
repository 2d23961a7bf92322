#include "base/background.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

namespace causeway {
namespace {

int own_niceness() { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); }

TEST(BackgroundTest, lowers_one_thread_and_those_it_starts_later) {
  const int before = own_niceness();
  const int wanted = std::min(before + 5, 19);
  int own = -1, later = -1, policy = -1;
  std::thread([&] {
    become_background_thread(wanted);
    own = own_niceness();
    policy = ::sched_getscheduler(0);
    std::thread([&] { later = own_niceness(); }).join();
  }).join();
  EXPECT_EQ(own, wanted);
  EXPECT_EQ(later, wanted);
  EXPECT_EQ(policy, SCHED_BATCH);
  EXPECT_EQ(own_niceness(), before);
}

TEST(BackgroundTest, zero_changes_nothing) {
  std::thread([] {
    const int before = own_niceness();
    const int policy = ::sched_getscheduler(0);
    become_background_thread(0);
    EXPECT_EQ(own_niceness(), before);
    EXPECT_EQ(::sched_getscheduler(0), policy);
  }).join();
}

}  // namespace
}  // namespace causeway
