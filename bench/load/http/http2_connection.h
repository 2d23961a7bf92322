#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/drive/dial.h"
#include "bench/load/drive/place.h"
#include "bench/load/http/http_plan.h"
#include "net/stream.h"

struct nghttp2_session;

namespace causeway::load {

class Http2Connection;

// A place that is one of the streams a connection may carry at a time. Owner: its connection.
// Thread: the worker's.
class Http2Stream final : public Place {
 public:
  explicit Http2Stream(Http2Connection& connection) : connection_(connection) {}

  void open() override;
  void drop() override;

 private:
  friend class Http2Connection;
  enum class Phase : uint8_t { idle, opening, waiting, asking };

  void send_unit() override;

  Http2Connection& connection_;
  Phase phase_ = Phase::idle;
  int32_t id_ = -1;
  uint16_t status_ = 0;
  size_t body_sent_ = 0;
};

// One HTTP/2 connection of the generator (nghttp2 inside), opened when one of its streams needs it.
// Owner: its share, for the whole run. Thread: the worker's.
class Http2Connection final : net::Stream::Events {
 public:
  Http2Connection(Dialer& dialer, const HttpPlan& plan, Place::Events& events, size_t address,
                  size_t& cursor);
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;
  ~Http2Connection();

  Http2Stream& stream(size_t index) { return *streams_[index]; }

 private:
  friend class Http2Stream;
  struct Callbacks;  // nghttp2's
  struct SessionEnd {
    void operator()(nghttp2_session* session) const;
  };
  enum class Phase : uint8_t { closed, dialing, open };

  void want(Http2Stream& stream);
  void give_up(Http2Stream& stream);
  void on_dialed(Result<Dialed> dialed);
  Result<void> start_session();
  void serve(Http2Stream& stream);
  void ask(Http2Stream& stream);
  void finish(Http2Stream& stream, uint32_t error_code);
  // Sends what the session has to say, now or before the loop waits again.
  void flush();
  void flush_soon();
  // The connection has ended, with everything on it.
  void lose(Failure failure, const Error& error);

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override { flush(); }

  Dialer& dialer_;
  const HttpPlan& plan_;
  Place::Events& events_;
  size_t address_;
  size_t& cursor_;
  Phase phase_ = Phase::closed;
  bool is_receiving_ = false;
  bool flush_is_due_ = false;
  std::vector<std::unique_ptr<Http2Stream>> streams_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<nghttp2_session, SessionEnd> session_;
  std::string out_;
};

}  // namespace causeway::load
