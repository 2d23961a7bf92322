#include "cell/shim/shim.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "cell/runtime/shim_protocol.h"

namespace causeway::shim {

namespace protocol = runtime::shim;

namespace {

constexpr size_t read_bytes = 64u << 10;
// What is read from one pipe after its process has ended: its capacity, with room to spare.
constexpr int last_reads_max = 8;
constexpr size_t strangers_max = 256;

pid_t read_pid(const std::string& path) {
  const std::string text = read_file(path, 32);
  pid_t pid = -1;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return pid;
}

std::string_view take_word(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  }) && id[0] != '.';
}

}  // namespace

Shim::Output::Output(char which) : stream(which), lines(protocol::log_text_bytes_max) {}

Shim::Shim(Options options)
    : options_(std::move(options)),
      log_file_(options_.log_folder, protocol::log_file_bytes_max),
      log_rate_(options_.log_bytes_per_second) {}

std::vector<std::string> Shim::runtime_command(const std::string& log_path) const {
  return {options_.runtime, "--root", options_.runtime_root, "--log", log_path};
}

// What runc said: the messages of its log, one per line as time="..." level=error msg="...";
// failing that, how it ended.
std::string Shim::runtime_failure(const std::string& log_path, int wait_status) const {
  const std::string log = read_file(log_path, 4096);
  std::string text;
  for (size_t at = 0; (at = log.find("msg=", at)) != std::string::npos;) {
    at += 4;
    std::string message = one_line(log.substr(at, log.find('\n', at) - at));
    if (message.size() > 1 && message.front() == '"' && message.back() == '"')
      message = message.substr(1, message.size() - 2);
    std::erase(message, '\\');
    text += (text.empty() ? "" : "; ") + message;
  }
  if (!text.empty()) return text;
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127)
    return options_.runtime + " could not be started";
  return options_.runtime + " ended with wait status " + std::to_string(wait_status);
}

bool Shim::create(std::string& problem) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  signals_ = Descriptor(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  nothing_ = Descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
  own_log_ = Descriptor(::open(std::string(protocol::log_name).c_str(),
                               O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  ::mkdir("proc", 0750);
  listener_ = listen_at(".", protocol::socket_name);
  if (!signals_.is_open() || !nothing_.is_open() || !own_log_.is_open() || !listener_.is_open()) {
    problem = "shim: descriptors: errno " + std::to_string(errno);
    return false;
  }
  std::vector<std::string> command = runtime_command("create.log");
  for (const char* word : {"run", "--detach", "--bundle", ".", "--pid-file", "init.pid"})
    command.emplace_back(word);
  command.push_back(options_.handle);
  const int pid = start_program(command, nothing_.number(), own_log_.number(), own_log_.number());
  if (pid < 0) {
    problem = "shim: fork: errno " + std::to_string(-pid);
    return false;
  }
  int wait_status = 0;
  while (::waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  init_.pid = wait_status == 0 ? read_pid("init.pid") : -1;
  if (init_.pid <= 0) problem = runtime_failure("create.log", wait_status);
  return init_.pid > 0;
}

int Shim::run() {
  while (!is_over_) serve_once();
  flush_log();
  return 0;
}

void Shim::serve_once() {
  std::vector<pollfd> set;
  std::vector<std::pair<Process*, Output*>> outputs;
  const short rep_events = unsent_.empty() ? POLLIN : POLLIN | POLLOUT;
  set.push_back({signals_.number(), POLLIN, 0});
  set.push_back({listener_.number(), POLLIN, 0});
  set.push_back({rep_.number(), rep_events, 0});  // poll leaves -1 out
  for (Process& process : processes_) {
    for (Output* output : {&process.output, &process.errors}) {
      if (!output->pipe.is_open()) continue;
      set.push_back({output->pipe.number(), POLLIN, 0});
      outputs.emplace_back(&process, output);
    }
  }
  if (::poll(set.data(), set.size(), -1) < 0) return;  // EINTR
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (set[i + 3].revents != 0) drain(*outputs[i].first, *outputs[i].second);
  }
  flush_log();
  if ((set[2].revents & POLLOUT) != 0) flush_rep();
  if ((set[2].revents & ~POLLOUT) != 0) read_rep();
  if (set[1].revents != 0) accept_rep();
  if (set[0].revents != 0) reap();
  flush_log();
}

// --- the rep -----------------------------------------------------------------------------------

// The newest connection is the rep: an older one belongs to a rep that has ended.
void Shim::accept_rep() {
  Descriptor connection(
      ::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection.is_open()) return;
  drop_rep();
  rep_ = std::move(connection);
  greet();
}

void Shim::drop_rep() {
  rep_.close();
  received_.clear();
  unsent_.clear();
  is_followed_ = false;
}

void Shim::greet() {
  for (const Process& process : processes_) {
    static constexpr std::array<const char*, 3> names{"starting", "running", "exited"};
    send_rep("process " + process.id + ' ' + names[static_cast<size_t>(process.state)] + ' ' +
             std::to_string(process.pid) + ' ' + std::to_string(process.exit.status) + ' ' +
             std::to_string(process.exit.signal) + ' ' + (process.exit.out_of_memory ? "1" : "0"));
  }
  send_rep(init_.has_ended ? "container ended" : "container running");
}

void Shim::read_rep() {
  std::array<char, 4096> bytes;
  const ssize_t count = ::read(rep_.number(), bytes.data(), bytes.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return drop_rep();
  received_.append(bytes.data(), static_cast<size_t>(count));
  size_t end = 0;
  while ((end = received_.find('\n')) != std::string::npos) {
    const std::string line = received_.substr(0, end);
    received_.erase(0, end + 1);
    obey(line);
  }
  if (received_.size() > protocol::line_bytes_max) drop_rep();
}

void Shim::send_rep(std::string line, bool may_be_left_out) {
  if (!rep_.is_open()) return;
  if (may_be_left_out && unsent_.size() + line.size() > protocol::unsent_bytes_max) {
    ++left_out_;
    return;
  }
  unsent_ += line;
  unsent_ += '\n';
  flush_rep();
}

void Shim::flush_rep() {
  while (!unsent_.empty()) {
    const ssize_t count =
        ::send(rep_.number(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return drop_rep();
    unsent_.erase(0, static_cast<size_t>(count));
  }
}

void Shim::obey(std::string_view line) {
  const std::string_view verb = take_word(line);
  if (verb == "destroy") return destroy();
  const std::string_view first = take_word(line);
  if (verb == "follow") {
    is_followed_ = first == "on";
    return;
  }
  if (verb == "forget") return forget(first);
  const std::string_view second = take_word(line);
  if (verb == "start") return start(first, second == "mute", line);
  if (verb == "signal") {
    int number = 0;
    std::from_chars(second.data(), second.data() + second.size(), number);
    signal(first, number);
  }
}

// --- processes ---------------------------------------------------------------------------------

Shim::Process* Shim::find(std::string_view id) {
  const auto found = std::find_if(processes_.begin(), processes_.end(),
                                  [&](const Process& p) { return p.id == id; });
  return found == processes_.end() ? nullptr : &*found;
}

void Shim::start(std::string_view id, bool is_mute, std::string_view source) {
  if (!is_id(id)) return send_rep("failed ? not a process name");
  if (find(id) != nullptr) return send_rep("failed " + std::string(id) + " exists already");
  if (init_.has_ended || is_destroying_)
    return send_rep("failed " + std::string(id) + " container has ended");
  Process& process = processes_.emplace_back();
  process.id = id;
  process.source = source.empty() ? "APP" : std::string(source);
  std::replace(process.source.begin(), process.source.end(), ' ', '_');
  process.is_mute = is_mute;
  process.oom_kills_before = oom_kills(options_.cgroup);
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  const std::string files = "proc/" + process.id;
  std::vector<std::string> command = runtime_command(files + ".log");
  for (const char* word : {"exec", "--detach", "--pid-file"}) command.emplace_back(word);
  command.push_back(files + ".pid");
  command.emplace_back("--process");
  command.push_back(files + ".json");
  command.push_back(options_.handle);
  process.runtime_pid = start_program(command, nothing_.number(), output.write_end.number(),
                                      errors.write_end.number());
  process.output.pipe = std::move(output.read_end);
  process.errors.pipe = std::move(errors.read_end);
  if (process.runtime_pid > 0) return;
  send_rep("failed " + process.id + " fork: errno " + std::to_string(-process.runtime_pid));
  processes_.pop_back();
}

void Shim::signal(std::string_view id, int number) {
  const Process* process = find(id);
  // It is our child and not collected yet, so the pid is still its own. It leads its session: its
  // children get the signal too.
  if (process != nullptr && process->state == State::running && process->pid > 1) {
    if (::kill(-process->pid, number) != 0) ::kill(process->pid, number);
  }
}

void Shim::forget(std::string_view id) {
  const auto found = std::find_if(processes_.begin(), processes_.end(), [&](const Process& p) {
    return p.id == id && p.state == State::exited;
  });
  if (found == processes_.end()) return;
  // The .json file is the rep's: it may already have written the next one of that name.
  for (const char* suffix : {".pid", ".exit", ".log"})
    ::unlink(("proc/" + found->id + suffix).c_str());
  processes_.erase(found);
}

void Shim::destroy() {
  if (is_destroying_) return;
  is_destroying_ = true;
  if (init_.has_ended) return on_init_end(0);
  ::kill(init_.pid, SIGKILL);  // everything else in its pid namespace goes with it
}

void Shim::reap() {
  signalfd_siginfo notice{};
  while (::read(signals_.number(), &notice, sizeof notice) == static_cast<ssize_t>(sizeof notice)) {
    if (notice.ssi_signo == SIGTERM) destroy();
  }
  int wait_status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &wait_status, WNOHANG)) > 0) on_child_end(pid, wait_status);
}

void Shim::on_child_end(pid_t pid, int wait_status) {
  if (pid == init_.pid && !init_.has_ended) return on_init_end(wait_status);
  if (pid == removal_pid_) return on_destroyed(wait_status);
  for (Process& process : processes_) {
    if (process.state == State::starting && process.runtime_pid == pid)
      return on_runtime_end(process, wait_status);
    if (process.state == State::running && process.pid == pid) return on_exit(process, wait_status);
  }
  // Either a process of the app whose parent has gone, or one that ended before its runc did.
  if (strangers_.size() == strangers_max) strangers_.erase(strangers_.begin());
  strangers_.emplace_back(pid, wait_status);
}

void Shim::on_runtime_end(Process& process, int wait_status) {
  process.runtime_pid = -1;
  const std::string files = "proc/" + process.id;
  process.pid = wait_status == 0 ? read_pid(files + ".pid") : -1;
  if (process.pid <= 0) {
    send_rep("failed " + process.id + ' ' + runtime_failure(files + ".log", wait_status));
    processes_.remove_if([&](const Process& other) { return &other == &process; });
    return;
  }
  process.state = State::running;
  send_rep("started " + process.id + ' ' + std::to_string(process.pid));
  const auto early = std::find_if(strangers_.begin(), strangers_.end(), [&](const auto& stranger) {
    return stranger.first == process.pid;
  });
  if (early == strangers_.end()) return;
  const int early_status = early->second;
  strangers_.erase(early);
  on_exit(process, early_status);
}

Shim::Exit Shim::exit_of(int wait_status, int64_t oom_kills_before) const {
  Exit exit;
  exit.signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  exit.status = exit.signal != 0 ? 128 + exit.signal : WEXITSTATUS(wait_status);
  exit.out_of_memory = exit.status != 0 && oom_kills(options_.cgroup) > oom_kills_before;
  return exit;
}

void Shim::on_exit(Process& process, int wait_status) {
  finish_output(process);
  flush_log();  // its last lines come before the news of its end
  process.exit = exit_of(wait_status, process.oom_kills_before);
  process.state = State::exited;
  const std::string end = std::to_string(process.exit.status) + ' ' +
                          std::to_string(process.exit.signal) + ' ' +
                          (process.exit.out_of_memory ? "1" : "0");
  write_file_atomically("proc/" + process.id + ".exit", end + '\n');
  send_rep("exited " + process.id + ' ' + end);
}

void Shim::on_init_end(int wait_status) {
  if (!init_.has_ended) {
    init_.has_ended = true;
    init_.exit = exit_of(wait_status, 0);
    if (!is_destroying_) {
      send_rep("ended " + std::to_string(init_.exit.status) + ' ' +
               std::to_string(init_.exit.signal) + ' ' + (init_.exit.out_of_memory ? "1" : "0"));
    }
  }
  if (!is_destroying_) return;
  std::vector<std::string> command = runtime_command("delete.log");
  for (const char* word : {"delete", "--force"}) command.emplace_back(word);
  command.push_back(options_.handle);
  removal_pid_ = start_program(command, nothing_.number(), own_log_.number(), own_log_.number());
  if (removal_pid_ < 0) on_destroyed(-1);
}

void Shim::on_destroyed(int wait_status) {
  removal_pid_ = -1;
  if (wait_status != 0) {
    is_destroying_ = false;  // the rep may ask again
    return send_rep("undestroyed " + runtime_failure("delete.log", wait_status));
  }
  send_rep("destroyed");
  is_over_ = true;
}

// --- logs --------------------------------------------------------------------------------------

void Shim::drain(Process& process, Output& output) {
  std::array<char, read_bytes> bytes;
  const ssize_t count = ::read(output.pipe.number(), bytes.data(), bytes.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const auto line = [&](std::string_view text) { log(process, output.stream, text); };
  if (count > 0) return output.lines.feed({bytes.data(), static_cast<size_t>(count)}, line);
  output.lines.finish(line);
  output.pipe.close();
}

void Shim::finish_output(Process& process) {
  for (Output* output : {&process.output, &process.errors}) {
    for (int round = 0; round < last_reads_max && output->pipe.is_open(); ++round) {
      pollfd readable{output->pipe.number(), POLLIN, 0};
      if (::poll(&readable, 1, 0) <= 0) break;
      drain(process, *output);
    }
    output->lines.finish([&](std::string_view text) { log(process, output->stream, text); });
  }
}

void Shim::log(Process& process, char stream, std::string_view text) {
  if (process.is_mute) return;
  const LogRate::Verdict verdict = log_rate_.take(text.size(), monotonic_ns());
  if (verdict == LogRate::Verdict::drop) return;
  if (verdict == LogRate::Verdict::pass)
    return log_file_.add(wall_ns(), stream, process.source, text);
  log_file_.add(wall_ns(), 'E', process.source,
                "app instance exceeded log rate limit (" +
                    std::to_string(options_.log_bytes_per_second) + " bytes/sec)");
}

void Shim::flush_log() {
  if (is_followed_) {
    std::string_view records = log_file_.waiting();
    while (!records.empty()) {
      const size_t end = records.find('\n');
      send_rep("log " + std::string(records.substr(0, end)), true);
      records.remove_prefix(end + 1);
    }
  }
  log_file_.flush();
}

}  // namespace causeway::shim
