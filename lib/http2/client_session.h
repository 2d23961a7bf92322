#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/list.h"
#include "http/h1_parser.h"
#include "http/message.h"
#include "http2/client_stream.h"
#include "http2/field_block.h"
#include "http2/memory.h"

namespace causeway::http2 {

// One HTTP/2 connection of a client: frames in, events and frames out, no sockets.
// Owner: who has the connection. Thread: its loop's. Ends after its streams were closed or have
// failed.
class ClientSession {
 public:
  struct Limits {
    http::HeadLimits reply_head;
    uint32_t streams_max = 100;  // at a time; fewer if the peer says so
    // A reply that nobody takes is buffered up to this much; all of a connection's together are
    // bounded by the sum.
    uint32_t stream_window_bytes = 256u << 10;
  };

  // The connection that carries it.
  class Carrier {
   public:
    // There is something to take_output() of, since the last time. Maybe within an event.
    virtual void on_output_waiting() = 0;

   protected:
    ~Carrier() = default;
  };

  ClientSession(Memory& memory, Carrier& carrier, const Limits& limits);
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;
  ~ClientSession();

  // May one more stream be opened: now, and ever?
  bool has_room() const;
  bool takes_requests() const;
  size_t streams() const { return streams_.size(); }

  struct Request {
    const FieldBlock& fields;
    bool is_head = false;   // its reply has no body whatever it says
    bool has_body = false;  // else the request ends with its head
  };
  // CHECKs has_room(). The session wants to send afterwards.
  void open(ClientStream& stream, ClientStream::Events& events, const Request& request);

  // Bytes of the peer; tells the streams. Not to be called from within an event.
  void feed(std::string_view bytes);
  // Frames for the peer, appended to `out` until it has `most` bytes or a little more; answers
  // whether there was anything. Streams may fail in it. Not to be called from within an event.
  bool take_output(std::string& out, size_t most);

  // Asks the peer for a sign of life; only one at a time is under way. The session wants to send
  // afterwards.
  void ping();
  bool awaits_ping() const { return awaits_ping_; }
  // HEADERS and DATA that have come so far: what the peer says of its own accord.
  uint64_t frames_of_replies() const { return frames_of_replies_; }

  // No further stream: the peer said so, or broke the protocol and was told so. An idle one may
  // end.
  bool has_ended() const;
  // Tells the peer that no more comes.
  void say_goodbye();
  // The connection is no more, or not to be used any more: all streams fail. Within no event of the
  // session itself.
  void fail_streams(const StreamFailure& failure);

 private:
  friend class ClientStream;
  struct Callbacks;
  struct Core;

  bool is_still(const ClientStream& stream, int32_t id) const {
    return stream.session_ == this && stream.id_ == id;
  }
  void touch(ClientStream& stream);
  void finish_touched();
  void fail(ClientStream& stream, const StreamFailure& failure);
  void tell_end(ClientStream& stream, const http::Headers& trailers);
  bool take_field(ClientStream& stream, std::string_view name, std::string_view value);
  void take_head(ClientStream& stream, bool ends_stream);

  Carrier& carrier_;
  const Limits limits_;
  std::unique_ptr<Core> core_;
  List<ClientStream> streams_;
  ClientStream* touched_ = nullptr;  // told something that is not done yet
  std::string* output_ = nullptr;    // while it is taken
  size_t output_most_ = 0;
  bool is_broken_ = false;
  bool has_settings_ = false;  // the peer's have come
  bool awaits_ping_ = false;
  bool wants_http1_ = false;  // its GOAWAY said so
  uint64_t frames_of_replies_ = 0;
};

}  // namespace causeway::http2
