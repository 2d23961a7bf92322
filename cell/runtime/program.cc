#include "cell/runtime/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string_view>

#include "cell/runtime/descriptor.h"
#include "cell/runtime/mounts.h"

namespace causeway::runtime {

namespace {

constexpr size_t output_bytes_max = 64u << 10;

// Our ends of the pipes of a program that runs.
struct Running {
  Descriptor input;
  Descriptor output;
  pid_t pid = -1;
};

Result<Running> spawn(const std::vector<std::string>& argv) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) return os_error(errno, "pipe");
  Descriptor their_input(in[0]);
  Running running;
  running.input = Descriptor(in[1]);
  if (::pipe2(out, O_CLOEXEC) != 0) return os_error(errno, "pipe");
  Descriptor their_output(out[1]);
  running.output = Descriptor(out[0]);
  for (const Descriptor* ours : {&running.input, &running.output})
    ::fcntl(ours->number(), F_SETFL, O_NONBLOCK);

  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, their_input.number(), 0);
  ::posix_spawn_file_actions_adddup2(&actions, their_output.number(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, their_output.number(), 2);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigmask(&attributes, &none);  // the worker's are blocked
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int os =
      ::posix_spawnp(&running.pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (os != 0) return os_error(os, "start " + argv[0]);
  return running;
}

// Feeds and reads until the program closes its output or ends (its children may hold the output for
// ever); false when `deadline` passed first.
bool converse(Running& running, std::string_view input, std::string& output, Instant deadline) {
  if (input.empty()) running.input.close();
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, running.pid, 0)));
  std::array<char, 4096> bytes;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd set[3] = {{running.output.number(), POLLIN, 0},
                     {running.input.number(), POLLOUT, 0},
                     {process.number(), POLLIN, 0}};
    if (::poll(set, 3, static_cast<int>(left.count())) < 0 && errno != EINTR) return false;
    if (set[1].revents != 0) {
      const ssize_t count = ::write(running.input.number(), input.data(), input.size());
      if (count > 0) input.remove_prefix(static_cast<size_t>(count));
      if (input.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) running.input.close();
    }
    if (set[0].revents == 0 && set[2].revents != 0) return true;
    if (set[0].revents == 0) continue;
    const ssize_t count = ::read(running.output.number(), bytes.data(), bytes.size());
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return true;
    if (count > 0) {
      output.append(bytes.data(),
                    std::min(static_cast<size_t>(count), output_bytes_max - output.size()));
    }
  }
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& argv, const std::string& input,
                                Duration timeout) {
  Result<Running> running = spawn(argv);
  if (!running) return running.error();
  std::string output;
  const bool is_in_time =
      converse(*running, input, output, std::chrono::steady_clock::now() + timeout);
  if (!is_in_time) ::kill(running->pid, SIGKILL);
  int status = 0;
  while (::waitpid(running->pid, &status, 0) < 0 && errno == EINTR) {
  }
  while (!output.empty() && output.back() == '\n') output.pop_back();
  if (!is_in_time)
    return Error{
        .fault = Fault::timeout, .side = Side::backend, .detail = argv[0] + " did not end"};
  if (status == 0) return output;
  const std::string how = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                              : "status " + std::to_string(WEXITSTATUS(status));
  return Error{.fault = Fault::internal,
               .side = Side::backend,
               .detail = argv[0] + ": " + how + ": " + output};
}

}  // namespace causeway::runtime
