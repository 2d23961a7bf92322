#include "router/upgrade/successor.h"

#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace causeway::router {

namespace {

constexpr int kFirstOtherDescriptor = 3;

// 0, or the errno that says why it was not started.
int spawn(const std::vector<std::string>& words, pid_t& pid) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  // Libraries may have opened some without O_CLOEXEC.
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kFirstOtherDescriptor);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  const int failed =
      ::posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  return failed;
}

}  // namespace

Result<std::unique_ptr<Successor>> Successor::start(
    net::Loop& loop, const std::vector<std::string>& words, const RunElsewhere& run_elsewhere,
    std::function<void(const std::string&)> on_exit) {
  pid_t pid = 0;
  int failed = 0;
  run_elsewhere([&] { failed = spawn(words, pid); });
  if (failed != 0) {
    return Error{.fault = fault_of_errno(failed), .os = failed, .detail = "start " + words[0]};
  }
  const auto watched = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (watched < 0) {
    const int os = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return Error{.fault = fault_of_errno(os), .os = os, .detail = "pidfd_open"};
  }
  return std::make_unique<Successor>(loop, Process{pid, watched}, std::move(on_exit));
}

Successor::Successor(net::Loop& loop, Process process,
                     std::function<void(const std::string&)> on_exit)
    : process_(process), on_exit_(std::move(on_exit)), watch_(loop, process.watched, [this] {
        if (is_collected_) return;
        const std::string how = collect(WNOHANG);
        if (is_collected_ && on_exit_) std::exchange(on_exit_, nullptr)(how);
      }) {}

Successor::~Successor() { ::close(process_.watched); }

std::string Successor::collect(int options) {
  int status = 0;
  if (::waitpid(process_.pid, &status, options) != process_.pid) return "";
  is_collected_ = true;
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "exited with " + std::to_string(WEXITSTATUS(status));
}

void Successor::kill() {
  on_exit_ = nullptr;
  if (is_collected_) return;
  ::kill(process_.pid, SIGKILL);
  collect(0);
}

}  // namespace causeway::router
