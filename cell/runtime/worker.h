#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "net/mailbox.h"

namespace causeway::net {
class Loop;
}

namespace causeway::runtime {

// A thread for calls that block (mounts, namespaces, nft, removal of file trees), one after the
// other; doc/adr/0012. Owner: main(), which stops it before those who use it end: jobs and their
// `done` refer to them.
class Worker {
 public:
  explicit Worker(net::Loop& loop);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Runs `job` on the thread and then `done` on the loop. Loop's thread.
  void run(std::function<void()> job, std::function<void()> done);
  // Finishes the job at hand and drops the rest; nothing is done and nothing calls back afterwards.
  void stop();

 private:
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };
  void serve();

  net::Mailbox<std::function<void()>> finished_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool is_ending_ = false;
  std::thread thread_;  // last: starts when all else stands
};

}  // namespace causeway::runtime
