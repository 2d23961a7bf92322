// causeway-shim: the parent of one container's processes. `causeway-shim --init` is the first
// process inside it.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

#include "cell/runtime/shim_protocol.h"
#include "cell/shim/shim.h"

namespace {

using causeway::shim::Options;

constexpr const char* help_text =
    "usage: causeway-shim --handle NAME --folder BUNDLE --log-folder FOLDER --runtime-root FOLDER\n"
    "                     [--runtime runc] [--cgroup PATH] [--log-bytes-per-second N]\n"
    "       causeway-shim --init       first process inside a container: collects orphans until it "
    "is told to end\n"
    "\n"
    "Started by rep for each container; prints \"started PID\" or \"failed REASON\" and then stays "
    "as the parent of the\n"
    "container's processes, reachable at BUNDLE/shim.sock.\n";

// Waits for orphans for ever: the app's processes are others, started beside this one. TERM ends
// it, and all with it.
int serve_as_init() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  for (;;) {
    int number = 0;
    if (::sigwait(&watched, &number) != 0) continue;
    if (number != SIGCHLD) return 0;
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    if (name == "--handle") {
      options.handle = value;
    } else if (name == "--folder") {
      options.folder = value;
    } else if (name == "--log-folder") {
      options.log_folder = value;
    } else if (name == "--runtime") {
      options.runtime = value;
    } else if (name == "--runtime-root") {
      options.runtime_root = value;
    } else if (name == "--cgroup") {
      options.cgroup = value;
    } else if (name == "--log-bytes-per-second") {
      const auto end = value.data() + value.size();
      if (std::from_chars(value.data(), end, options.log_bytes_per_second).ptr != end) return false;
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && !options.handle.empty() && !options.folder.empty() &&
         !options.log_folder.empty() && !options.runtime_root.empty();
}

// The one line for the rep; after it, our standard output is nobody's.
void report(const std::string& line) {
  const std::string text = line + '\n';
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) return;
  const causeway::shim::Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(nothing.number(), number);
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--init") return serve_as_init();
  if (first == "--version") return std::puts("causeway-shim " CAUSEWAY_VERSION) < 0 ? 1 : 0;
  if (first == "--help") return std::fputs(help_text, stdout) < 0 ? 1 : 0;
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs(help_text, stderr);
    return 2;
  }
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  if (::chdir(options.folder.c_str()) != 0) {
    report("failed cannot enter " + options.folder);
    return 1;
  }
  causeway::shim::write_file_atomically(std::string(causeway::runtime::shim::pid_name),
                                        std::to_string(::getpid()) + '\n');
  causeway::shim::Shim shim(std::move(options));
  std::string problem;
  if (!shim.create(problem)) {
    report("failed " + problem);
    return 1;
  }
  report("started " + std::to_string(shim.init_pid()));
  return shim.run();
}
