#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cell/runtime/runtime.h"

namespace causeway::net {
class Loop;
}

namespace causeway::runtime {

// Containers that exist in memory only: the test says when processes end. Obeys the contract of
// Runtime (runtime_test.cc runs over both). Processes end on SIGTERM and SIGKILL unless
// `ignores_term`. Owner: a test. Thread: its loop's.
class FakeRuntime final : public Runtime {
 public:
  struct Process {
    ProcessSpec spec;
    ProcessState state;
    std::vector<int> signals;
  };
  struct Container {
    ContainerSpec spec;
    std::map<std::string, Process> processes;
    bool is_followed = false;
    std::map<std::string, std::string> files;
    Usage usage;
    int64_t disk_bytes = 0;
  };

  explicit FakeRuntime(net::Loop& loop) : loop_(loop) {}

  // What a test does and sees.
  std::map<std::string, Container> containers;
  Result<void> next_create = {};   // answer of the next create()
  Result<int> next_start = 0;      // a failure fails the next start()
  Result<void> next_destroy = {};  // answer of the next destroy(), which takes it away anyhow
  bool holds_destroys = false;     // until let_destroy()
  void let_destroy();
  std::vector<std::string> destroyed;  // handles, in order
  bool ignores_term = false;
  std::map<std::string, std::string> files_of_new;  // in each container that is created
  // Programs that end at once with a status, by path.
  std::map<std::string, int> exits_at_once;
  void exit_process(const std::string& handle, const std::string& process, ProcessExit exit);
  void end_container(const std::string& handle, const std::string& reason);
  void log(const std::string& handle, std::string_view record);
  // Forgets its listener, as if the rep had been killed; the containers stay.
  void lose_rep() { events_ = nullptr; }

  void listen(Events& events) override { events_ = &events; }
  void create(ContainerSpec spec, Done done) override;
  void destroy(const std::string& handle, Done done) override;
  void start(const std::string& handle, const std::string& process, ProcessSpec spec,
             std::function<void(Result<int>)> done) override;
  void signal(const std::string& handle, const std::string& process, int number) override;
  void forget(const std::string& handle, const std::string& process) override;
  void follow_log(const std::string& handle, bool is_followed) override;
  std::vector<std::string> list() override;
  void adopt(const std::string& handle,
             std::function<void(Result<std::vector<ProcessState>>)> done) override;
  Result<std::string> read_file(const std::string& handle, const std::string& path,
                                size_t bytes_max) override;
  Result<Usage> usage(const std::string& handle) override;
  void measure_disk(const std::string& handle, std::function<void(Result<int64_t>)> done) override;

 private:
  Process* find(const std::string& handle, const std::string& process);

  net::Loop& loop_;
  Events* events_ = nullptr;
  std::vector<std::function<void()>> held_destroys_;
  int last_pid_ = 1000;
};

}  // namespace causeway::runtime
