#pragma once

#include <cstdint>
#include <string_view>

#include "http/headers.h"
#include "net/stream.h"

namespace causeway::router {

struct SendBatch;

// One direction of one exchange's bytes: what a turn brings (head, body pieces, frames) is gathered
// and leaves in one write; the source is paused while the destination is behind. Nothing is copied
// unless the kernel does not take it. Owner: Exchange, one for each direction. Thread: its
// worker's.
class Relay {
 public:
  explicit Relay(SendBatch& batch) : batch_(batch) {}
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  enum class Framing : uint8_t { as_is, chunked };
  void begin(net::Stream& source, net::Stream& destination, Framing framing);
  // No stream is touched from now on; a source that was paused goes on.
  void end();
  bool is_active() const { return destination_ != nullptr; }

  // The batch's head text as the first piece. It stays untouched until flush().
  void add_head();
  void add_body(std::string_view bytes);
  void add_end(const http::Headers& trailers);
  // Sends what was gathered. The pieces may go afterwards.
  void flush();
  void on_drained();

  uint64_t body_bytes() const { return body_bytes_; }

 private:
  SendBatch& batch_;
  net::Stream* source_ = nullptr;
  net::Stream* destination_ = nullptr;
  Framing framing_ = Framing::as_is;
  bool is_source_paused_ = false;
  uint64_t body_bytes_ = 0;
};

}  // namespace causeway::router
