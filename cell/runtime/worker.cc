#include "cell/runtime/worker.h"

#include <csignal>
#include <cstdint>
#include <utility>

#include "base/check.h"

namespace causeway::runtime {

Worker::Worker(net::Loop& loop)
    : finished_(loop, SIZE_MAX, [this](std::function<void()>&& done) {
        if (thread_.joinable()) done();  // else it has been stopped
      }) {
  finished_.unref();
  // Signals are the loop's.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { serve(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Worker::~Worker() { stop(); }

void Worker::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    jobs_.clear();
  }
  wake_.notify_one();
  thread_.join();
}

void Worker::run(std::function<void()> job, std::function<void()> done) {
  CHECK(job != nullptr && done != nullptr);
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({std::move(job), std::move(done)});
  }
  wake_.notify_one();
}

void Worker::serve() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_ending_ || !jobs_.empty(); });
      if (is_ending_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job.work();
    job.work = nullptr;  // what it holds ends here, not on the loop
    // Unbounded: there is one message for each job that run() accepted.
    CHECK(finished_.post(std::move(job.done)));
  }
}

}  // namespace causeway::runtime
