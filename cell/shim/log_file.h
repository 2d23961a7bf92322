#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace causeway::shim {

// A container's log on disk: `folder`/app, and `folder`/app.1, the part before it. Records are
// collected and written with one call per flush(). Failures of the disk lose log lines, never the
// app. Owner: the shim.
class LogFile {
 public:
  LogFile(std::string folder, size_t bytes_max);
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();

  // `stream` is O (stdout) or E (stderr).
  void add(int64_t unix_ns, char stream, std::string_view source, std::string_view text);
  void flush();
  // The records since the last flush(), each with its newline.
  std::string_view waiting() const { return waiting_; }
  uint64_t lost_bytes() const { return lost_bytes_; }

 private:
  void open();
  void rotate();

  const std::string path_;
  const size_t bytes_max_;
  int descriptor_ = -1;
  size_t size_ = 0;
  std::string waiting_;
  uint64_t lost_bytes_ = 0;
};

// A token bucket for log bytes: `bytes_per_second` tokens, refilled evenly, one second's worth at
// most. Below zero: no limit. When it is empty it stays closed for a second, so that the app's
// author sees one notice and not a flicker.
class LogRate {
 public:
  enum class Verdict : uint8_t { pass, drop, drop_and_tell };
  explicit LogRate(int64_t bytes_per_second) : rate_(bytes_per_second), tokens_(rate_) {}
  Verdict take(size_t bytes, int64_t monotonic_ns);

 private:
  const int64_t rate_;
  int64_t tokens_;
  int64_t refilled_ns_ = 0;
  int64_t closed_until_ns_ = 0;
};

}  // namespace causeway::shim
