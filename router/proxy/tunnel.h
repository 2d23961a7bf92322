#pragma once

#include <cstdint>
#include <string_view>

#include "http/websocket.h"
#include "net/stream.h"
#include "router/backend/deadlines.h"

namespace causeway::router {

class Exchange;
struct Workbench;

// Plain bytes both ways between two streams, after an upgrade: each side is read no faster than the
// other takes, an end of one side is passed on to the other while its answers still flow. The
// frames of a WebSocket are followed, so that both sides can be told to go between two of them.
// Owner: Exchange, which owns neither stream but outlives none of them. Thread: its worker's. Ends:
// both sides have ended and everything is sent, or one has failed. The exchange hears, once.
class Tunnel final : private Deadline {
 public:
  Tunnel(Exchange& exchange, Workbench& bench);
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  // Takes the streams over as their listener. The bytes that each side has already said go first.
  void start(net::Stream& client, net::Stream& backend, std::string_view from_client,
             std::string_view from_backend, bool client_has_ended);
  // No callback does anything from now on.
  void stop();
  bool is_open() const { return is_open_; }
  // The router goes away: each side of a WebSocket gets a close frame (1001) at the end of the
  // frame it is just being sent, and nothing after it; the tunnel ends when both have answered.
  // Other protocols know no such word.
  void send_away();

  uint64_t client_bytes() const { return client_.bytes; }
  uint64_t backend_bytes() const { return backend_.bytes; }

 private:
  class Half final : public net::Stream::Events {
   public:
    explicit Half(Tunnel& t) : tunnel(t) {}
    void on_read(std::span<char> bytes) override;
    void on_end() override;
    void on_failure(const Error& error) override;
    void on_drained() override;

    void pass(std::string_view read);
    void pass_last_frame(std::string_view read);
    void say_goodbye();
    void on_frames_closed();
    bool is_sending() const { return !has_failed && stream->queued_bytes() > 0; }

    Tunnel& tunnel;
    net::Stream* stream = nullptr;
    Half* other = nullptr;
    uint64_t bytes = 0;  // read from this side
    bool has_ended = false;
    bool has_failed = false;
    bool pauses_other = false;  // it is full, so the other side is not read
    bool is_muted = false;      // the other side got our close frame: nothing follows it
    http::FrameTracker frames;  // of what this side says
  };

  void on_deadline() override;  // are the last bytes out?
  void end_if_done();
  void end();

  Exchange& exchange_;
  Workbench& bench_;
  Half client_;
  Half backend_;
  bool is_open_ = false;
  bool is_websocket_ = false;
  bool is_leaving_ = false;
  uint32_t linger_rounds_ = 0;
};

}  // namespace causeway::router
