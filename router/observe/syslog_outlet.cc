#include "router/observe/syslog_outlet.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

namespace causeway::router {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view priority = "<14>1 ";  // user.info, version 1
constexpr size_t host_name_bytes_max = 255;      // RFC 5424, section 6
constexpr size_t tag_bytes_max = 48;
// What fits into a UDP datagram together with its header.
constexpr size_t datagram_line_bytes_max = 65'000;
constexpr size_t datagrams_at_once = 64;
constexpr int syslog_poll_interval_ms = 100;
constexpr Duration dial_timeout = milliseconds(5000);
constexpr Duration first_pause = milliseconds(100);
constexpr Duration longest_pause = milliseconds(5000);
// A server that acknowledges nothing for so long is taken for dead.
constexpr int unacknowledged_ms = 60'000;

// A header field: printable, without blanks, not empty.
std::string header_field(std::string_view text, size_t bytes_max) {
  std::string field(text.substr(0, bytes_max));
  for (char& c : field) {
    if (c <= ' ' || c >= 0x7F) c = '_';
  }
  return field.empty() ? "-" : field;
}

std::string local_host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

SyslogOutlet::SyslogOutlet(Options options)
    : options_(std::move(options)),
      host_name_(header_field(local_host_name(), host_name_bytes_max)) {}

SyslogOutlet::~SyslogOutlet() { hang_up(); }

void SyslogOutlet::hang_up() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void SyslogOutlet::renew_header() {
  const int64_t second = SystemClock().wall().unix_ns / 1'000'000'000;
  if (second == header_second_) return;
  header_second_ = second;
  const auto time = static_cast<std::time_t>(second);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  header_.assign(priority).append(text, size).append(" ");
  header_.append(host_name_).append(" ").append(header_field(options_.tag, tag_bytes_max));
  header_.append(" ").append(std::to_string(::getpid()));
  header_.append(options_.is_rfc5424 ? " - - " : " - ").append(byte_order_mark);
}

void SyslogOutlet::append_message(std::string_view line) {
  size_t bytes_max = options_.truncate_bytes > 0 ? options_.truncate_bytes : line.size();
  if (!options_.is_tcp) bytes_max = std::min(bytes_max, datagram_line_bytes_max);
  if (line.size() > bytes_max) {
    // Not within a character.
    while (bytes_max > 0 && (static_cast<unsigned char>(line[bytes_max]) & 0xC0) == 0x80)
      --bytes_max;
    line = line.substr(0, bytes_max);
  }
  const bool counts_octets = options_.is_tcp && options_.is_rfc5424;
  if (counts_octets) messages_.append(std::to_string(header_.size() + line.size())).append(" ");
  messages_.append(header_).append(line);
  if (options_.is_tcp && !counts_octets) messages_.push_back('\n');
  ends_.push_back(messages_.size());
}

void SyslogOutlet::compose(std::string_view lines) {
  messages_.clear();
  ends_.clear();
  renew_header();
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    append_message(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

// One try at each address of the name; the socket or -1, with os_.
int SyslogOutlet::dial(Ending& ending) {
  addrinfo hints{};
  hints.ai_family = options_.family == 4 ? AF_INET : options_.family == 6 ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = options_.is_tcp ? SOCK_STREAM : SOCK_DGRAM;
  addrinfo* found = nullptr;
  os_ = EHOSTUNREACH;
  if (::getaddrinfo(options_.host.c_str(), std::to_string(options_.port).c_str(), &hints, &found) !=
      0)
    return -1;
  int connected = -1;
  for (const addrinfo* address = found; address != nullptr && connected < 0;
       address = address->ai_next) {
    const int fd =
        ::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int failure = fd < 0 ? errno : 0;
    if (fd >= 0 && ::connect(fd, address->ai_addr, address->ai_addrlen) != 0) failure = errno;
    const Instant deadline = SystemClock().now() + dial_timeout;
    while (failure == EINPROGRESS && !ending.has_begun() && SystemClock().now() < deadline) {
      pollfd ready{fd, POLLOUT, 0};
      if (::poll(&ready, 1, syslog_poll_interval_ms) <= 0) continue;
      socklen_t size = sizeof failure;
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size);
    }
    if (failure == 0) {
      connected = fd;
    } else {
      os_ = failure == EINPROGRESS ? ETIMEDOUT : failure;
      if (fd >= 0) ::close(fd);
    }
  }
  ::freeaddrinfo(found);
  if (connected >= 0 && options_.is_tcp) {
    const int on = 1;
    ::setsockopt(connected, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    ::setsockopt(connected, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
                 sizeof unacknowledged_ms);
  }
  return connected;
}

void SyslogOutlet::say_unreachable() {
  if (std::exchange(is_reported_, true) || options_.logger == nullptr) return;
  options_.logger->error("access-log-syslog-unreachable",
                         Error{.fault = fault_of_errno(os_), .os = os_, .detail = "connect"},
                         {{"address", options_.host + ":" + std::to_string(options_.port)}});
}

// Over TCP it is tried until it works or the end has come; a datagram is not worth the wait.
bool SyslogOutlet::connect(Ending& ending) {
  if (socket_ >= 0 && options_.is_tcp && peer_has_gone()) hang_up();
  Duration pause = first_pause;
  while (socket_ < 0) {
    // A name server that does not answer must not hold up the end.
    if (is_reported_ && ending.has_begun()) return false;
    socket_ = dial(ending);
    if (socket_ >= 0) break;
    say_unreachable();
    if (!options_.is_tcp || ending.has_begun()) return false;
    ending.wait(pause);
    pause = std::min(pause * 2, longest_pause);
  }
  if (std::exchange(is_reported_, false) && options_.logger != nullptr)
    options_.logger->info("access-log-syslog-reachable");
  return true;
}

// A server that closed its end reads no more: writing would seem to work and be lost.
bool SyslogOutlet::peer_has_gone() const {
  char byte = 0;
  const ssize_t n = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void SyslogOutlet::await_room() const {
  pollfd ready{socket_, POLLOUT, 0};
  ::poll(&ready, 1, syslog_poll_interval_ms);
}

LineOutlet::Written SyslogOutlet::send_stream(Ending& ending) {
  size_t done = 0;     // bytes of messages_ that this connection or an earlier one took
  size_t message = 0;  // the first one not taken whole
  while (message < ends_.size()) {
    if (!connect(ending)) break;
    const ssize_t n = ::send(socket_, messages_.data() + done, messages_.size() - done,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      done += static_cast<size_t>(n);
      while (message < ends_.size() && ends_[message] <= done) ++message;
    } else if (errno == EAGAIN) {
      os_ = EAGAIN;
      if (ending.is_over()) break;
      await_room();
    } else if (errno != EINTR) {
      os_ = errno;
      hang_up();
      say_unreachable();
      // On the next connection the message that was cut comes whole.
      done = message == 0 ? 0 : ends_[message - 1];
    }
  }
  if (message < ends_.size()) hang_up();  // in the middle of a message
  return {.lines = message, .os = os_};
}

LineOutlet::Written SyslogOutlet::send_datagrams(Ending& ending) {
  size_t lost = 0;
  size_t next = 0;
  if (!connect(ending)) return {.lines = 0, .os = os_};
  while (next < ends_.size()) {
    std::array<iovec, datagrams_at_once> pieces{};
    std::array<mmsghdr, datagrams_at_once> datagrams{};
    const size_t count = std::min(ends_.size() - next, datagrams_at_once);
    for (size_t i = 0; i < count; ++i) {
      const size_t begin = next + i == 0 ? 0 : ends_[next + i - 1];
      pieces[i] = {messages_.data() + begin, ends_[next + i] - begin};
      datagrams[i].msg_hdr.msg_iov = &pieces[i];
      datagrams[i].msg_hdr.msg_iovlen = 1;
    }
    const int n = ::sendmmsg(socket_, datagrams.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (n > 0) {
      next += static_cast<size_t>(n);
    } else if (errno == EAGAIN && !ending.is_over()) {
      await_room();
    } else if (errno == ECONNREFUSED) {
      os_ = errno;
      ++lost;  // tells of an earlier one; this one was not sent yet
      say_unreachable();
    } else if (errno != EINTR) {
      os_ = errno;
      ++lost;
      ++next;
    }
  }
  // The name may have another address by now.
  if (lost > 0) hang_up();
  return {.lines = ends_.size() - std::min(lost, ends_.size()), .os = os_};
}

LineOutlet::Written SyslogOutlet::write(std::string_view lines, Ending& ending) {
  compose(lines);
  return options_.is_tcp ? send_stream(ending) : send_datagrams(ending);
}

}  // namespace causeway::router
