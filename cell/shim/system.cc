#include "cell/shim/system.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

namespace causeway::shim {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    number_ = other.release();
  }
  return *this;
}

void Descriptor::close() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

int Descriptor::release() { return std::exchange(number_, -1); }

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

namespace {

[[noreturn]] void become_program(char* const* argv, const int (&standard)[3]) {
  // Above the standard ones first, so that none overwrites another.
  int high[3];
  for (int i = 0; i < 3; ++i) high[i] = ::fcntl(standard[i], F_DUPFD_CLOEXEC, 3);
  for (int i = 0; i < 3; ++i) ::dup2(high[i], i);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGHUP, SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
  ::execvp(argv[0], argv);
  ::_exit(127);
}

}  // namespace

int start_program(const std::vector<std::string>& argv, int input, int output, int errors) {
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const int standard[3] = {input, output, errors};
  const pid_t pid = ::fork();  // one thread, about a megabyte: cheap
  if (pid == 0) become_program(arguments.data(), standard);
  return pid < 0 ? -errno : pid;
}

namespace {

int64_t clock_ns(clockid_t which) {
  timespec time{};
  ::clock_gettime(which, &time);
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

int64_t wall_ns() { return clock_ns(CLOCK_REALTIME); }
int64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

std::string read_file(const std::string& path, size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return {};
  struct stat status {};
  if (::fstat(file.number(), &status) == 0 && status.st_size > static_cast<off_t>(bytes_max)) {
    ::lseek(file.number(), status.st_size - static_cast<off_t>(bytes_max), SEEK_SET);
  }
  std::string text(bytes_max, '\0');
  size_t used = 0;
  while (used < bytes_max) {
    const ssize_t count = ::read(file.number(), text.data() + used, bytes_max - used);
    if (count <= 0) break;
    used += static_cast<size_t>(count);
  }
  text.resize(used);
  return text;
}

bool write_file_atomically(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  Descriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!file.is_open()) return false;
  if (::write(file.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return false;
  file.close();
  return std::rename(beside.c_str(), path.c_str()) == 0;
}

Descriptor listen_at(const std::string& folder, std::string_view name) {
  const Descriptor place(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.is_open()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A socket's path has room for 107 bytes; this one is short wherever the folder is.
  const int length =
      std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%.*s",
                    place.number(), static_cast<int>(name.size()), name.data());
  if (length < 0 || static_cast<size_t>(length) >= sizeof address.sun_path) return {};
  ::unlink(address.sun_path);
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.is_open()) return {};
  ::umask(0077);
  const bool is_bound =
      ::bind(listener.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::umask(0022);
  if (!is_bound || ::listen(listener.number(), 4) != 0) return {};
  return listener;
}

int64_t oom_kills(const std::string& cgroup) {
  for (const std::string& path : {"/sys/fs/cgroup/memory" + cgroup + "/memory.oom_control",
                                  "/sys/fs/cgroup" + cgroup + "/memory.events"}) {
    const std::string text = read_file(path, 4096);
    const size_t at = text.find("oom_kill ");
    if (at == std::string::npos) continue;
    int64_t count = 0;
    std::from_chars(text.data() + at + std::strlen("oom_kill "), text.data() + text.size(), count);
    return count;
  }
  return 0;
}

}  // namespace causeway::shim
