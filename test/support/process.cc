#include "test/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "base/check.h"

namespace causeway::test {

namespace {

constexpr std::chrono::milliseconds kPoll{5};

std::string contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

std::string own_binary(const std::string& name) {
  const char* folder = std::getenv("CAUSEWAY_BIN_DIR");
  CHECK(folder != nullptr);  // ctest sets it
  return std::string(folder) + "/" + name;
}

Process::Process(const std::vector<std::string>& words, std::string output_path)
    : output_path_(std::move(output_path)) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  CHECK(pid_ >= 0);
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  const int output = ::open(output_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

Process::~Process() {
  if (!is_running()) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool Process::is_running() {
  if (pid_ == 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = 0;
  return false;
}

std::optional<int> Process::wait_for_exit(std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (is_running() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kPoll);  // tidy: the step of a poll with a deadline
  }
  return exit_code_;
}

std::string Process::output() const { return contents_of(output_path_); }

bool Process::wait_for_output(std::string_view text, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (std::chrono::steady_clock::now() < deadline) {
    const bool runs = is_running();
    if (output().find(text) != std::string::npos) return true;
    if (!runs) return false;
    std::this_thread::sleep_for(kPoll);  // tidy: the step of a poll with a deadline
  }
  return false;
}

size_t Process::count_in_output(std::string_view text, size_t awaited) const {
  if (awaited > 0) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (count_in_output(text) < awaited && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(kPoll);  // tidy: the step of a poll with a deadline
  }
  const std::string all = output();
  size_t count = 0;
  for (size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + text.size())) {
    ++count;
  }
  return count;
}

size_t Process::status_kib(std::string_view field) const {
  const std::string status = contents_of("/proc/" + std::to_string(pid_) + "/status");
  const size_t at = status.find(field);
  return at == std::string::npos ? 0
                                 : std::strtoul(status.c_str() + at + field.size(), nullptr, 10);
}

size_t Process::resident_kib() const { return status_kib("VmRSS:"); }
size_t Process::resident_peak_kib() const { return status_kib("VmHWM:"); }

}  // namespace causeway::test
