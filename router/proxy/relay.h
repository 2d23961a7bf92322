#pragma once

#include <cstdint>
#include <string_view>

#include "http/headers.h"

namespace causeway::router {

// Where the bytes of one direction come from. Told to wait while the other end is behind.
class MessageSource {
 public:
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;

 protected:
  ~MessageSource() = default;
};

// Where they go: one message whose head is already there, on its way to one peer. What a turn
// brings is gathered and leaves in one flush().
class MessageSink {
 public:
  // The bytes stay where they are until flush().
  virtual void add_body(std::string_view bytes) = 0;
  virtual void add_end(const http::Headers& trailers) = 0;
  // Sends what was gathered. The bytes may go afterwards.
  virtual void flush() = 0;
  // Gives up what was gathered and not flushed, and knows no peer from now on.
  virtual void drop() = 0;
  // Is the peer behind?
  virtual bool is_full() const = 0;

 protected:
  ~MessageSink() = default;
};

// One direction of one exchange's bytes: what comes is handed on, and the source is paused while
// the sink is behind. Owner: Exchange, one for each direction. Thread: its worker's.
class Relay {
 public:
  Relay() = default;
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  void begin(MessageSource& source, MessageSink& sink);
  // Neither is touched from now on; a source that was paused goes on.
  void end();
  bool is_active() const { return sink_ != nullptr; }

  void add_body(std::string_view bytes) {
    body_bytes_ += bytes.size();
    sink_->add_body(bytes);
  }
  void add_end(const http::Headers& trailers) { sink_->add_end(trailers); }
  void flush();
  void on_drained();

  uint64_t body_bytes() const { return body_bytes_; }

 private:
  MessageSource* source_ = nullptr;
  MessageSink* sink_ = nullptr;
  bool is_source_paused_ = false;
  uint64_t body_bytes_ = 0;
};

}  // namespace causeway::router
