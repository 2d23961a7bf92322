#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace causeway::test {

// How long anything in a test may take before it has failed: long, because the machine may be
// loaded.
inline constexpr std::chrono::seconds patience{60};

// Calls `is_true` until it says so; false after `patience`.
bool eventually(const std::function<bool()>& is_true);

// One connected TCP socket with blocking calls that give up after `patience`. Says and hears raw
// bytes, so that a test can be any client or server, also a broken one. Owner and thread: the
// test's.
class RawSocket {
 public:
  RawSocket() = default;
  explicit RawSocket(int descriptor);
  RawSocket(RawSocket&& other) noexcept;
  RawSocket& operator=(RawSocket&& other) noexcept;
  ~RawSocket();

  // 127.0.0.1. Aborts the test program when nobody listens.
  static RawSocket connect(uint16_t port);

  // False when the peer has gone.
  bool send(std::string_view bytes);
  // Some bytes; "" at the end, on a reset (was_reset()) or when nothing comes in time
  // (timed_out()).
  std::string receive(size_t bytes_max = 65536);
  // Everything down to and with `end`; what came after it is kept for the next call. What there is,
  // when it does not come.
  std::string receive_until(std::string_view end);
  std::string receive_exactly(size_t bytes);
  std::string receive_all();  // until the end

  void half_close();  // FIN
  void close();
  void reset();  // RST

  bool is_open() const { return descriptor_ >= 0; }
  bool was_reset() const { return was_reset_; }
  bool timed_out() const { return timed_out_; }
  int descriptor() const { return descriptor_; }
  uint16_t local_port() const;
  // For another thread: ends a blocking receive(). Nothing happens when it is closed.
  void wake();

 private:
  bool fill();

  int descriptor_ = -1;
  std::unique_ptr<std::mutex> closing_ = std::make_unique<std::mutex>();  // wake() is not close()
  std::string kept_;
  bool was_reset_ = false;
  bool timed_out_ = false;
};

// A whole HTTP/1 message as it came.
struct RawMessage {
  std::string head;       // start line and fields, with the empty line
  std::string body = {};  // decoded
  bool is_whole = false;
  bool was_chunked = false;
  std::string trailers = {};

  int status() const;
  std::string start_line() const;
  // Value of the first line of that name; "" when absent. has() tells absent from empty.
  std::string header(std::string_view name) const;
  bool has(std::string_view name) const;
  int count(std::string_view name) const;
};

// Reads one message; its body by Content-Length or chunks, or to the end for replies without
// either.
RawMessage read_request(RawSocket& socket);
RawMessage read_reply(RawSocket& socket, std::string_view method = "GET");

}  // namespace causeway::test
