#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace causeway::test {

// The path of one of our binaries ("router"), in the build that this test belongs to.
std::string own_binary(const std::string& name);

// One running program; what it prints (both streams) goes into a file. Owner and thread: the
// test's. Ends: the destructor kills it; it does not outlive the test program, whatever happens to
// that.
class Process {
 public:
  // Aborts the test program when it cannot be started.
  Process(const std::vector<std::string>& words, std::string output_path);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  bool is_running();

  // Exit code, 128 + signal after a signal; nothing when it still runs after that time.
  std::optional<int> wait_for_exit(std::chrono::seconds limit = std::chrono::seconds(60));

  std::string output() const;
  // Waits until the output holds `text`; false when that does not come, or the program ends without
  // it.
  bool wait_for_output(std::string_view text,
                       std::chrono::seconds limit = std::chrono::seconds(60));
  // How often `text` is in the output. Logs are written a moment after what they tell: waits a
  // while until it is there that often.
  size_t count_in_output(std::string_view text, size_t awaited = 0) const;

  // Resident memory in KiB (VmRSS), and the highest so far (VmHWM).
  size_t resident_kib() const;
  size_t resident_peak_kib() const;

 private:
  size_t status_kib(std::string_view field) const;

  pid_t pid_ = 0;  // 0: has ended
  std::optional<int> exit_code_;
  std::string output_path_;
};

}  // namespace causeway::test
