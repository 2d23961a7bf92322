#include "cell/shim/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <utility>

namespace causeway::shim {

namespace {

constexpr int64_t second_ns = 1'000'000'000;
// A buffer that one burst has grown is given back beyond this.
constexpr size_t kept_bytes_max = 64u << 10;

}  // namespace

LogFile::LogFile(std::string folder, size_t bytes_max)
    : path_(std::move(folder) + "/app"), bytes_max_(bytes_max) {
  open();
}

LogFile::~LogFile() {
  flush();
  if (descriptor_ >= 0) ::close(descriptor_);
}

void LogFile::open() {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  struct stat status {};
  size_ = descriptor_ >= 0 && ::fstat(descriptor_, &status) == 0
              ? static_cast<size_t>(status.st_size)
              : 0;
}

void LogFile::rotate() {
  if (descriptor_ >= 0) ::close(descriptor_);
  const std::string before = path_ + ".1";
  if (std::rename(path_.c_str(), before.c_str()) != 0) ::unlink(path_.c_str());
  open();
}

void LogFile::add(int64_t unix_ns, char stream, std::string_view source, std::string_view text) {
  char number[24];
  const auto end = std::to_chars(number, number + sizeof number, unix_ns).ptr;
  waiting_.append(number, end);
  waiting_ += ' ';
  waiting_ += stream;
  waiting_ += ' ';
  waiting_ += source;
  waiting_ += ' ';
  waiting_ += text;
  waiting_ += '\n';
}

void LogFile::flush() {
  if (waiting_.empty()) return;
  if (size_ > 0 && size_ + waiting_.size() > bytes_max_) rotate();
  if (descriptor_ < 0) open();
  const ssize_t written =
      descriptor_ < 0 ? -1 : ::write(descriptor_, waiting_.data(), waiting_.size());
  const size_t taken = written > 0 ? static_cast<size_t>(written) : 0;
  size_ += taken;
  lost_bytes_ += waiting_.size() - taken;
  // A record cut short by a full disk must not swallow the head of the next one.
  if (taken > 0 && taken < waiting_.size() &&
      ::ftruncate(descriptor_, static_cast<off_t>(size_ - taken)) == 0) {
    size_ -= taken;
  }
  waiting_.clear();
  if (waiting_.capacity() > kept_bytes_max) std::string().swap(waiting_);
}

LogRate::Verdict LogRate::take(size_t bytes, int64_t monotonic_ns) {
  if (rate_ < 0) return Verdict::pass;
  if (rate_ == 0 || monotonic_ns < closed_until_ns_) return Verdict::drop;
  const int64_t passed = std::clamp<int64_t>(monotonic_ns - refilled_ns_, 0, second_ns);
  const auto gained =
      static_cast<int64_t>(static_cast<double>(rate_) * static_cast<double>(passed) / 1e9);
  if (gained > 0) {
    tokens_ = std::min(rate_, tokens_ + gained);
    refilled_ns_ = monotonic_ns;
  }
  if (tokens_ > 0) {
    tokens_ -= static_cast<int64_t>(bytes);
    return Verdict::pass;
  }
  closed_until_ns_ = monotonic_ns + second_ns;
  return Verdict::drop_and_tell;
}

}  // namespace causeway::shim
