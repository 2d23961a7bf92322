#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/list.h"
#include "http/message.h"
#include "http2/error_code.h"

namespace causeway::http2 {

class ServerSession;

// One stream of a client: a request that comes and the reply that goes. Inherited by who answers;
// used again and again, for one at a time. Owner: who answers. Thread: its session's. Ends: at
// on_closed(); until then it must live.
class ServerStream : public ListLink<ServerStream> {
 public:
  ServerStream(const ServerStream&) = delete;
  ServerStream& operator=(const ServerStream&) = delete;

  bool is_open() const { return session_ != nullptr; }
  int32_t id() const { return id_; }

  // The request. Its head's views live in head_arena(); valid from the first on_fed() on, until
  // on_closed(). The client's Host and :authority are its field `host`; what is about HTTP/2 only
  // is gone. An extended CONNECT (RFC 8441) reads as the GET with Upgrade that it stands for.
  http::RequestHead& head() { return head_; }
  const http::Headers& trailers() const { return trailers_; }
  // It is to be answered with that status and nothing else: 400, 431; or 0.
  uint16_t refusal() const { return refusal_; }
  bool is_request_whole() const { return request_is_whole_; }
  bool is_tunnel() const { return is_tunnel_; }

  // Bytes of its body that were told need no room any more: the client may send as many.
  void consume(size_t bytes);

  // The reply; the session wants to send afterwards. Fields are copied; those about an HTTP/1
  // connection must not be among them. After reply(), unless that was all of it: write(), and one
  // of end() and cut().
  void interim(uint16_t status, const http::Headers& fields);
  void reply(uint16_t status, const http::Headers& fields, bool is_whole);
  void write(std::string_view bytes);
  void end(const http::Headers& trailers);
  // What is queued goes out, then a reset says that something is missing.
  void cut();
  // At once: what is queued is lost.
  void reset(ErrorCode code);
  // It is a tunnel no more: its reply ends, and then the client is told to send nothing either.
  void leave_tunnel();
  size_t queued_bytes() const { return queue_.size() - queue_begin_; }
  // Beyond its own mark, or is it one of those that make too much of the connection's?
  bool is_full() const;
  void high_mark(size_t bytes) { high_mark_ = bytes; }
  size_t high_mark() const { return high_mark_; }
  // Its end has gone out.
  bool is_reply_sent() const { return reply_is_sent_; }
  // Of the reply's body, all in all.
  uint64_t sent_bytes() const { return sent_bytes_; }

 protected:
  ServerStream() = default;
  // Once it has closed: lets go of what a strange request needed much memory for.
  void forget_request();
  ~ServerStream();

 private:
  friend class ServerSession;

  virtual Arena& head_arena() = 0;
  // Bytes live during the call. Those of a request that on_fed() has not told yet come first.
  virtual void on_body(std::string_view bytes) = 0;
  // What came with the bytes that were fed has been told: the head, for the first time; a body and
  // its end, maybe.
  virtual void on_fed() = 0;
  // The queue fell to a quarter of its high mark or below after having been above it.
  virtual void on_drained() = 0;
  // The session knows it no more: both sides have ended, it was reset, or the connection is gone.
  // `by_client`: it was the client who reset it.
  virtual void on_closed(bool by_client) = 0;

  ServerSession* session_ = nullptr;
  int32_t id_ = 0;
  http::RequestHead head_;
  http::Headers trailers_;
  std::string_view authority_;
  std::string_view protocol_;   // :protocol
  size_t head_bytes_ = 0;       // of the head or of the trailers, as the peer's limit counts
  size_t kept_head_bytes_ = 0;  // of both together, among the session's
  uint16_t cookies_ = 0;        // lines
  uint16_t refusal_ = 0;
  bool is_beyond_room_ = false;  // its head is: it is refused
  bool has_content_length_ = false;
  bool announces_trailers_ = false;
  bool head_is_complete_ = false;
  bool request_is_whole_ = false;
  bool is_tunnel_ = false;

  std::string queue_;
  size_t queue_begin_ = 0;
  size_t high_mark_ = 64u << 10;
  uint64_t sent_bytes_ = 0;
  size_t unconsumed_ = 0;
  std::string trailer_text_;  // of the reply's, until they are sent
  http::Headers reply_trailers_;
  size_t touched_at_ = 0;  // 1 + place among the touched
  bool reply_has_begun_ = false;
  bool reply_has_ended_ = false;  // nothing more will be queued
  bool reply_is_sent_ = false;
  bool is_cut_ = false;
  bool is_reset_ = false;
  bool was_full_ = false;
  bool is_drained_ = false;  // to be told
};

}  // namespace causeway::http2
