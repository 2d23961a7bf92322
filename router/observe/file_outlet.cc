#include "router/observe/file_outlet.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace causeway::router {
namespace {

constexpr int file_poll_interval_ms = 100;

// Never waiting: of a named pipe somebody must be reading; that of a file is always ready.
int open_for_append(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                0644);
}

// From line end to line end: what std::count becomes looks at every byte, at six times the cost.
size_t count_lines(std::string_view text) {
  size_t count = 0;
  for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    ++count;
  return count;
}

Error open_error(const std::string& path, int os) {
  return {.fault = fault_of_errno(os), .os = os, .detail = "access log " + path};
}

}  // namespace

Result<std::unique_ptr<FileOutlet>> FileOutlet::open(std::string path) {
  const int file = open_for_append(path);
  if (file < 0) return open_error(path, errno);
  return std::unique_ptr<FileOutlet>(new FileOutlet(std::move(path), file));
}

FileOutlet::~FileOutlet() { ::close(file_); }

Result<void> FileOutlet::reopen() {
  const int fresh = open_for_append(path_);
  if (fresh < 0) return open_error(path_, errno);
  ::close(std::exchange(file_, fresh));
  ends_within_line_ = false;
  return {};
}

size_t FileOutlet::write_bytes(std::string_view bytes, Ending& ending, int& os) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(file_, bytes.data() + done, bytes.size() - done);
    if (n > 0) {
      done += static_cast<size_t>(n);
      continue;
    }
    os = n < 0 ? errno : EIO;
    if (os == EINTR) continue;
    if (os != EAGAIN || ending.is_over()) break;
    pollfd ready{file_, POLLOUT, 0};
    ::poll(&ready, 1, file_poll_interval_ms);
  }
  return done;
}

LineOutlet::Written FileOutlet::write(std::string_view lines, Ending& ending) {
  Written written;
  // The rest of a line that was cut is gone: at least the next one begins as a line.
  if (ends_within_line_ && write_bytes("\n", ending, written.os) != 1) return written;
  const size_t bytes = write_bytes(lines, ending, written.os);
  ends_within_line_ = bytes > 0 && lines[bytes - 1] != '\n';
  written.lines = count_lines(lines.substr(0, bytes));
  return written;
}

}  // namespace causeway::router
