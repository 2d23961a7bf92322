#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace causeway::load {

// What one process took in some time.
struct ProcessCost {
  int64_t pid = 0;
  std::string name;
  double cpu_seconds = 0;
  double rss_bytes = 0;  // at the end
};

// Reads what processes take, from begin() to end(). Owner: a run. Thread: its owner's.
class ProcessMeter {
 public:
  // An empty name: the kernel's.
  void add(pid_t pid, std::string name);
  void begin();
  std::vector<ProcessCost> end() const;

 private:
  struct Watched {
    pid_t pid = 0;
    std::string name;
    double cpu_seconds = 0;  // at begin()
  };
  std::vector<Watched> watched_;
};

}  // namespace causeway::load
