#pragma once

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cell/shim/line_splitter.h"
#include "cell/shim/log_file.h"
#include "cell/shim/system.h"

namespace causeway::shim {

struct Options {
  std::string handle;  // the container's name for runc
  std::string folder;  // its OCI bundle
  std::string log_folder;
  std::string runtime = "runc";
  std::string runtime_root;  // runc --root
  std::string cgroup;        // path below the hierarchies' roots
  int64_t log_bytes_per_second = -1;
};

// The parent of everything that runs in one container: starts it and its processes through runc,
// reads what they print, collects how they end, and tells the rep that is connected. It lives as
// long as the container, longer than any rep. One thread, blocking in poll. Owner: main.
class Shim {
 public:
  explicit Shim(Options options);
  Shim(const Shim&) = delete;
  Shim& operator=(const Shim&) = delete;

  // Makes the container. False: `problem` says why, nothing is left but files.
  bool create(std::string& problem);
  // Serves the rep until the container is destroyed; the answer is main's.
  int run();
  pid_t init_pid() const { return init_.pid; }

 private:
  struct Exit {
    int status = 0;
    int signal = 0;
    bool out_of_memory = false;
  };
  struct Output {
    explicit Output(char which);
    const char stream;
    Descriptor pipe;
    LineSplitter lines;
  };
  enum class State : uint8_t { starting, running, exited };
  struct Process {
    std::string id;
    std::string source;
    bool is_mute = false;
    State state = State::starting;
    pid_t runtime_pid = -1;  // runc exec, while starting
    pid_t pid = -1;
    Exit exit;
    int64_t oom_kills_before = 0;
    Output output{'O'};
    Output errors{'E'};
  };

  void serve_once();
  void accept_rep();
  void read_rep();
  void send_rep(std::string line, bool may_be_left_out = false);
  void flush_rep();
  void drop_rep();
  void greet();

  void obey(std::string_view line);
  void start(std::string_view id, bool is_mute, std::string_view source);
  void signal(std::string_view id, int number);
  void forget(std::string_view id);
  void destroy();

  void reap();
  void on_child_end(pid_t pid, int wait_status);
  void on_runtime_end(Process& process, int wait_status);
  void on_exit(Process& process, int wait_status);
  void on_init_end(int wait_status);
  void on_destroyed(int wait_status);
  Exit exit_of(int wait_status, int64_t oom_kills_before) const;

  void drain(Process& process, Output& output);
  void finish_output(Process& process);
  void log(Process& process, char stream, std::string_view text);
  void flush_log();

  Process* find(std::string_view id);
  std::string runtime_failure(const std::string& log_path, int wait_status) const;
  std::vector<std::string> runtime_command(const std::string& log_path) const;

  const Options options_;
  LogFile log_file_;
  LogRate log_rate_;
  Descriptor listener_, signals_, rep_, nothing_, own_log_;
  std::string received_, unsent_;
  bool is_followed_ = false;
  uint64_t left_out_ = 0;

  struct {
    pid_t pid = -1;
    bool has_ended = false;
    Exit exit;
  } init_;
  pid_t removal_pid_ = -1;  // runc delete
  bool is_destroying_ = false;
  bool is_over_ = false;
  std::list<Process> processes_;
  // Ends of processes whose runc has not told their pid yet.
  std::vector<std::pair<pid_t, int>> strangers_;
};

}  // namespace causeway::shim
