#include "cell/runtime/shim_link.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "cell/runtime/mounts.h"
#include "cell/runtime/shim_protocol.h"
#include "net/loop.h"

namespace causeway::runtime {

namespace {

// Takes a line apart, word by word; says whether all were there.
class LineWords {
 public:
  explicit LineWords(std::string_view line) : rest_(line) {}
  std::string_view word() {
    const size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    if (found.empty()) is_whole_ = false;
    return found;
  }
  int number() {
    const std::string_view text = word();
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) is_whole_ = false;
    return value;
  }
  ProcessExit exit() {
    ProcessExit exit;
    exit.status = number();
    exit.signal = number();
    exit.out_of_memory = number() != 0;
    return exit;
  }
  std::string_view rest() const { return rest_; }
  bool is_whole() const { return is_whole_; }

 private:
  std::string_view rest_;
  bool is_whole_ = true;
};

std::optional<ProcessState::Phase> parse_phase(std::string_view word) {
  if (word == "starting") return ProcessState::Phase::starting;
  if (word == "running") return ProcessState::Phase::running;
  if (word == "exited") return ProcessState::Phase::exited;
  return std::nullopt;
}

constexpr std::pair<std::string_view, ShimMessage::Kind> verbs[] = {
    {"process", ShimMessage::Kind::process},
    {"container", ShimMessage::Kind::greeted},
    {"started", ShimMessage::Kind::started},
    {"failed", ShimMessage::Kind::failed},
    {"exited", ShimMessage::Kind::exited},
    {"ended", ShimMessage::Kind::ended},
    {"log", ShimMessage::Kind::log},
    {"destroyed", ShimMessage::Kind::destroyed},
    {"undestroyed", ShimMessage::Kind::undestroyed}};

// False when the line names no phase.
bool read_process(LineWords& words, ProcessState& process) {
  process.id = words.word();
  const auto phase = parse_phase(words.word());
  process.phase = phase.value_or(ProcessState::Phase::starting);
  process.pid = words.number();
  process.exit = words.exit();
  return phase.has_value();
}

}  // namespace

Result<ShimMessage> parse_shim_line(std::string_view line) {
  LineWords words(line);
  const std::string_view verb = words.word();
  const auto* found = std::find_if(std::begin(verbs), std::end(verbs),
                                   [&](const auto& v) { return v.first == verb; });
  const Error unknown{.fault = Fault::protocol,
                      .detail = "shim: " + std::string(line.substr(0, 200))};
  if (found == std::end(verbs)) return unknown;
  ShimMessage message;
  message.kind = found->second;
  switch (message.kind) {
    case ShimMessage::Kind::process:
      if (!read_process(words, message.process)) return unknown;
      break;
    case ShimMessage::Kind::greeted:
      message.container_runs = words.word() == "running";
      break;
    case ShimMessage::Kind::started:
      message.process.id = words.word();
      message.process.pid = words.number();
      break;
    case ShimMessage::Kind::failed:
      message.process.id = words.word();
      break;
    case ShimMessage::Kind::exited:
      message.process.id = words.word();
      message.process.exit = words.exit();
      break;
    case ShimMessage::Kind::ended:
      message.exit = words.exit();
      break;
    case ShimMessage::Kind::log:
    case ShimMessage::Kind::destroyed:
    case ShimMessage::Kind::undestroyed:
      break;
  }
  message.text = words.rest();
  if (!words.is_whole()) return unknown;
  return message;
}

ShimLink::ShimLink(net::Loop& loop, Descriptor socket, Events events)
    : socket_(std::move(socket)),
      events_(std::move(events)),
      failure_(loop),
      watch_(std::make_unique<net::DescriptorWatch>(loop, socket_.number(), [this] { read(); })) {}

Result<std::unique_ptr<ShimLink>> ShimLink::connect(net::Loop& loop, const std::string& folder,
                                                    Events events) {
  const Descriptor place(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.is_open()) return os_error(errno, "open " + folder);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Short, wherever the folder is: a socket's path has room for 107 bytes.
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", place.number(),
                std::string(shim::socket_name).c_str());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return os_error(errno, "socket");
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0) {
    return os_error(errno, "connect to shim in " + folder);
  }
  return std::unique_ptr<ShimLink>(new ShimLink(loop, std::move(socket), std::move(events)));
}

void ShimLink::send(const std::string& line) {
  if (is_lost_) return;
  const std::string text = line + '\n';
  const ssize_t count =
      ::send(socket_.number(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count == static_cast<ssize_t>(text.size())) return;
  // Commands are short and the shim reads at once: a full socket means that it does not live.
  const int os = count < 0 ? errno : EAGAIN;
  failure_.once(Duration::zero(), [this, os] { lose(std::strerror(os)); });
}

void ShimLink::read() {
  char bytes[16384];
  const ssize_t count = ::read(socket_.number(), bytes, sizeof bytes);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return lose(count == 0 ? "it ended" : std::strerror(errno));
  received_.append(bytes, static_cast<size_t>(count));
  size_t start = 0;
  for (size_t end = 0; (end = received_.find('\n', start)) != std::string::npos; start = end + 1) {
    const Result<ShimMessage> message =
        parse_shim_line(std::string_view(received_).substr(start, end - start));
    if (!message) return lose(message.error().detail);
    events_.on_message(*message);
    if (is_lost_) return;
  }
  received_.erase(0, start);
  if (received_.size() > shim::line_bytes_max) lose("a line is too long");
}

void ShimLink::end() {
  is_lost_ = true;
  watch_.reset();
  failure_.disarm();
}

void ShimLink::lose(std::string reason) {
  if (is_lost_) return;
  end();
  events_.on_lost(std::move(reason));
}

}  // namespace causeway::runtime
