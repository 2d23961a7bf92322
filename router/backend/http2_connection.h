#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "http2/client_session.h"
#include "net/stream.h"
#include "router/backend/deadlines.h"

namespace causeway::net {
class Loop;
}

namespace causeway::router {

class Http2Connection;

// What an HTTP/2 connection tells the one that keeps it.
class Http2ConnectionOwner {
 public:
  // There may be room for one more stream; `connection` may be over.
  virtual void on_room(Http2Connection& connection) = 0;
  // It takes no more streams, or has been idle for too long, or is broken: it leaves the pool. Its
  // streams fail after that, if there are any.
  virtual void on_over(Http2Connection& connection) = 0;
  // Its first stream is open, or its last one is not any more.
  virtual void on_use(bool is_in_use) = 0;

 protected:
  ~Http2ConnectionOwner() = default;
};

// One HTTP/2 connection to one endpoint, shared by the attempts of one worker: each has a stream of
// it. Owner: the pool. Thread: its worker's. Ends: idle for too long, told to go by the endpoint
// and without streams, withdrawn and without streams, or broken.
class Http2Connection final : private net::Stream::Events,
                              private http2::ClientSession::Carrier,
                              private Deadline {
 public:
  // Deadlines of the worker's connections.
  struct Times {
    DeadlineQueue& idle;     // without streams
    DeadlineQueue& silence;  // with streams, of an endpoint that says nothing
  };
  struct Options {
    http2::ClientSession::Limits limits;
    size_t buffer_bytes_max = 64u << 10;
    bool keeps_idle = true;  // else it ends with its last stream
  };

  Http2Connection(net::Loop& loop, http2::Memory& memory, Http2ConnectionOwner& owner,
                  const Times& times, std::unique_ptr<net::Stream> stream, const Options& options);
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;
  ~Http2Connection();

  bool has_room() const { return !is_retired_ && !has_ended_ && session_.has_room(); }
  // Will there be room again?
  bool takes_requests() const { return !is_retired_ && !has_ended_ && session_.takes_requests(); }
  size_t streams() const { return streams_; }
  uint64_t streams_opened() const { return opened_; }
  net::Stream& stream() { return *stream_; }

  // CHECKs has_room(). close() ends each.
  void open(http2::ClientStream& stream, http2::ClientStream::Events& events,
            const http2::ClientSession::Request& request);
  void close(http2::ClientStream& stream);

  // No further streams: ends with the last of those that are open, soon without any.
  void retire();
  // Ends now: whatever is open fails. Not within an event of a stream.
  void end(const http2::StreamFailure& failure);

 private:
  struct Silence final : Deadline {
    explicit Silence(Http2Connection& c) : connection(c) {}
    void on_deadline() override { connection.on_silence(); }
    Http2Connection& connection;
  };

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;
  void on_output_waiting() override;
  void on_deadline() override;  // of its idle time

  void on_silence();
  void flush();
  bool is_unwanted() const;
  void lose(http2::StreamFailure::Kind kind, const Error* error);

  net::Loop& loop_;
  Http2ConnectionOwner& owner_;
  const Times times_;
  Silence silence_;
  std::optional<Instant> pinged_at_;
  uint64_t replies_at_ping_ = 0;
  // What waited for the endpoint at the last look, while a PING could not be sent behind it.
  std::optional<size_t> queued_before_ping_;
  const Options options_;
  std::unique_ptr<net::Stream> stream_;
  http2::ClientSession session_;
  std::string output_;
  size_t streams_ = 0;
  uint64_t opened_ = 0;
  bool flush_is_due_ = false;
  bool is_retired_ = false;
  bool has_ended_ = false;
};

}  // namespace causeway::router
