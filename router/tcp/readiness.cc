#include "router/tcp/readiness.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/check.h"

namespace causeway::router {
namespace {

constexpr int events_per_turn_max = 128;  // then the loop's other descriptors have their turn

int make_set() {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  CHECK(set >= 0);  // at start; without it the worker cannot work
  return set;
}

epoll_event all_of(Readiness::Watcher& watcher) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &watcher;
  return event;
}

}  // namespace

Readiness::Readiness(net::Loop& loop)
    : set_(make_set()), watch_(loop, set_, [this] { collect(); }) {}

Readiness::~Readiness() { ::close(set_); }

Result<void> Readiness::watch(int descriptor, Watcher& watcher) {
  epoll_event event = all_of(watcher);
  if (::epoll_ctl(set_, EPOLL_CTL_ADD, descriptor, &event) == 0) return {};
  return Error{.fault = fault_of_errno(errno), .os = errno};
}

void Readiness::forget(int descriptor) {
  epoll_event none{};
  ::epoll_ctl(set_, EPOLL_CTL_DEL, descriptor, &none);
}

void Readiness::tell_again(int descriptor, Watcher& watcher) {
  epoll_event event = all_of(watcher);
  CHECK(::epoll_ctl(set_, EPOLL_CTL_MOD, descriptor, &event) == 0);
}

void Readiness::collect() {
  std::array<epoll_event, events_per_turn_max> events;
  const int count = ::epoll_wait(set_, events.data(), events_per_turn_max, 0);
  for (int i = 0; i < count; ++i) {
    const uint32_t what = events[static_cast<size_t>(i)].events;
    const bool broken = (what & (EPOLLERR | EPOLLHUP)) != 0;
    static_cast<Watcher*>(events[static_cast<size_t>(i)].data.ptr)
        ->on_ready({.read = broken || (what & (EPOLLIN | EPOLLRDHUP)) != 0,
                    .write = broken || (what & EPOLLOUT) != 0,
                    .hang_up = broken || (what & EPOLLRDHUP) != 0});
  }
}

}  // namespace causeway::router
