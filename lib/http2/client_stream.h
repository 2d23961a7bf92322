#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/error.h"
#include "base/list.h"
#include "http/message.h"
#include "http2/field_block.h"

namespace causeway::http2 {

class ClientSession;

// Why a stream ended before its reply was whole.
struct StreamFailure {
  enum class Kind : uint8_t {
    refused,         // the peer has not acted on the request (RFC 9113 section 8.7): send it again
    http1_required,  // the peer serves it over HTTP/1.1 only (section 7)
    reset,           // by the peer, with `code`
    malformed,       // it broke the protocol, in this stream or for all of them
    head_too_large,  // its head or trailers are beyond our limits
    closed,          // the connection ended
    broken,          // the connection was reset or timed out
  };
  Kind kind = Kind::closed;
  uint32_t code = 0;             // of RFC 9113 section 7; reset only
  const Error* error = nullptr;  // of the connection, if there is one; during the call
};

// One request and its reply on a session. Used again and again, for one at a time.
// Owner: who asks. Thread: its session's. Ends: at close(), or with its session; the owner closes
// it in either case.
class ClientStream final : public ListLink<ClientStream> {
 public:
  // What the one who asks is told; nothing after close(). Inside any of these the stream may be
  // closed and others opened.
  class Events {
   public:
    // Each 1xx, and the final one. Lives until close().
    virtual void on_reply(http::ReplyHead& head) = 0;
    // Bytes live until on_reply_read_done().
    virtual void on_reply_body(std::string_view bytes) = 0;
    virtual void on_reply_end(const http::Headers& trailers) = 0;
    // What was told since the last time is all that there is for now.
    virtual void on_reply_read_done() = 0;
    // Nothing comes after it.
    virtual void on_stream_failure(const StreamFailure& failure) = 0;
    // The queue fell to a quarter of its high mark or below after having been above it.
    virtual void on_request_drained() = 0;

   protected:
    ~Events() = default;
  };

  explicit ClientStream(ArenaBlocks& blocks) : arena_(blocks) {}
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;
  ~ClientStream();

  bool is_open() const { return session_ != nullptr; }
  // The request's body: copied and queued, sent as far as the peer's windows allow. The session
  // wants to send afterwards.
  void write(std::string_view bytes);
  void end_request(const http::Headers& trailers);
  size_t queued_bytes() const { return queue_.size() - queue_begin_; }
  bool is_full() const { return queued_bytes() > high_mark_; }
  void high_mark(size_t bytes) { high_mark_ = bytes; }
  // While it is paused the peer may send one window and no more; what comes is told.
  void pause_reply() { is_paused_ = true; }
  void resume_reply();
  bool reply_has_begun() const { return reply_has_begun_; }
  // Tells the peer to stop unless both sides have ended. Idempotent.
  void close();

 private:
  friend class ClientSession;

  ClientSession* session_ = nullptr;
  Events* events_ = nullptr;
  int32_t id_ = 0;
  Arena arena_;
  http::ReplyHead head_;
  http::Headers trailers_;
  size_t head_bytes_ = 0;  // of the present head or trailers
  std::string queue_;
  size_t queue_begin_ = 0;
  size_t high_mark_ = 64u << 10;
  FieldBlock request_trailers_;
  std::string trailer_text_;  // what their values are views of
  uint32_t unconsumed_ = 0;   // bytes that came while it was paused
  bool is_head_request_ = false;
  bool request_has_ended_ = false;  // nothing more will be queued
  bool request_is_sent_ = false;    // END_STREAM is with the session
  bool reply_has_begun_ = false;
  bool head_is_final_ = false;  // the final head was told: what follows are trailers
  bool reply_is_whole_ = false;
  bool is_paused_ = false;
  bool was_full_ = false;
  bool is_reset_by_peer_ = false;
  bool is_over_ = false;  // the session has closed it
  bool is_too_large_ = false;
  bool is_malformed_ = false;  // a reset is on its way
};

}  // namespace causeway::http2
