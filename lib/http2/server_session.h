#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/list.h"
#include "http2/error_code.h"
#include "http2/flood_guard.h"
#include "http2/memory.h"
#include "http2/server_stream.h"

namespace causeway::http2 {

// What every client says first (RFC 9113 section 3.4).
inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct ServerLimits {
  uint32_t streams_max = 250;                   // at a time; more are refused
  uint32_t stream_window_bytes = 256u << 10;    // of a body that nobody takes yet
  uint32_t connection_window_bytes = 1u << 20;  // of all of a connection's
  // Names, values and 32 bytes for each field; a request with more is refused with 431.
  uint32_t head_bytes_max = 1u << 20;
  uint32_t head_lines_max = 10'000;
  // Of all requests that are open, heads and trailers counted likewise; a stream with more is
  // refused, so that few bytes on the wire never become many here.
  size_t heads_bytes_max = 4u << 20;
  // Of replies that wait for the client's windows; beyond, every stream with some is full.
  size_t queued_bytes_max = 1u << 20;
  FloodLimits floods;
};

// One HTTP/2 connection of a server: frames in, requests and frames out, no sockets. Sends no
// pushes, ignores priorities: streams that have something to say take turns. A client that breaks
// the protocol, or floods, gets a GOAWAY and no more. Owner: who has the connection. Thread: its
// loop's. Ends: after close_streams().
class ServerSession {
 public:
  class Events {
   public:
    // A request begins: answers the object that stands for it until its on_closed().
    virtual ServerStream& on_stream() = 0;
    // There is something to take_output() of, since the last time. Maybe within an event.
    virtual void on_output_waiting() = 0;
    // The client broke a rule; `is_flood`: one of FloodLimits.
    virtual void on_violation(bool is_flood) = 0;

   protected:
    ~Events() = default;
  };

  ServerSession(Memory& memory, Events& events, const ServerLimits& limits);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;
  ~ServerSession();

  // Bytes of the client, preface first; tells the streams. Not to be called from within an event.
  void feed(std::string_view bytes, Instant now);
  // Frames for the client, appended to `out` until it has `most` bytes or a little more; answers
  // whether there was anything. Streams may close in it. Not to be called from within an event.
  bool take_output(std::string& out, size_t most);

  size_t streams() const { return streams_.size(); }
  size_t queued_bytes() const { return queued_bytes_; }
  size_t heads_bytes() const { return heads_bytes_; }
  // For each open one; the visited one may act, but not close.
  template <class Visit>
  void for_each_stream(Visit visit) {
    streams_.for_each(visit);
  }
  // Has the client said its preface and settings? Is it in the middle of a request's head?
  bool has_begun() const { return has_begun_; }
  bool is_in_head() const { return is_in_head_; }
  // Nothing more is to be read or sent.
  bool is_over() const;

  // GOAWAY in two steps (RFC 9113 section 6.8): first that no new stream should come, which those
  // that are on their way may ignore; then which was the last.
  void announce_shutdown();
  void shutdown();
  // At once, with that reason.
  void fail(ErrorCode code);
  // All streams close: the connection is gone, or the session is over.
  void close_streams();

 private:
  friend class ServerStream;
  struct Callbacks;
  struct Core;

  void open(ServerStream& stream, int32_t id);
  void close(ServerStream& stream, bool by_client);
  void touch(ServerStream& stream);
  void tell_touched();
  // Rules that the library leaves to us; false: broken.
  bool check_frame(uint8_t type, int32_t stream);
  bool check_windows();
  void note_reset(int32_t stream);
  bool break_rule(ErrorCode code);
  bool note_idle_frame();
  bool note_broken_stream();
  void give_up(ErrorCode code);
  bool has_room_for(ServerStream& stream, size_t field_bytes);
  bool take_field(ServerStream& stream, std::string_view name, std::string_view value,
                  bool name_is_static);
  bool take_pseudo_field(ServerStream& stream, std::string_view name, std::string_view value);
  void complete_head(ServerStream& stream);
  void join_cookies(ServerStream& stream);
  void complete_request(ServerStream& stream);

  Events& events_;
  const ServerLimits limits_;
  std::unique_ptr<Core> core_;
  FloodGuard guard_;
  Instant now_{};
  List<ServerStream> streams_;
  std::vector<ServerStream*> touched_;
  size_t queued_bytes_ = 0;        // of all streams
  size_t heads_bytes_ = 0;         // likewise
  std::string* output_ = nullptr;  // while it is taken
  size_t output_most_ = 0;
  // Streams that we have reset last: frames of theirs may still be on their way.
  std::array<int32_t, 256> reset_ids_{};
  size_t resets_ = 0;
  int32_t highest_window_ = 0;   // of all streams, before the present SETTINGS
  uint32_t initial_window_ = 0;  // the client's, before them
  ErrorCode end_code_ = ErrorCode::no_error;
  bool is_broken_ = false;       // the library is of no further use
  bool goodbye_is_due_ = false;  // then: the GOAWAY of our own
  bool has_begun_ = false;
  bool is_in_head_ = false;
};

}  // namespace causeway::http2
