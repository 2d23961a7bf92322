#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/h1_parser.h"
#include "net/stream.h"
#include "router/backend/deadlines.h"
#include "router/route/endpoint.h"

namespace causeway::router {

class BackendPool;

// One HTTP/1 connection to one endpoint: used by one attempt at a time, idle in the pool between.
// Owner: the pool while idle, a BackendLease while in use. Thread: its worker's.
// Ends: when a reply cannot be followed by another request, on failure, or after its idle time.
class BackendConnection final : private net::Stream::Events,
                                private http::ReplyParser::Events,
                                private Deadline {
 public:
  // What the attempt that uses the connection is told. Nothing comes after it was given back or
  // ended.
  class User {
   public:
    virtual void on_reply(http::ReplyHead& head) = 0;
    virtual void on_reply_body(std::string_view bytes) = 0;
    virtual void on_reply_end(const http::Headers& trailers) = 0;
    // All bytes of one read have been told. `rest`: what came after the end of the reply.
    virtual void on_backend_read_done(std::string_view rest) = 0;
    // The reply broke: reset, closed early, or bytes that are no HTTP.
    virtual void on_backend_failure(const Error& error) = 0;
    virtual void on_backend_drained() = 0;

   protected:
    ~User() = default;
  };

  // `identity`: the pool's when it was made.
  BackendConnection(BackendPool& pool, EndpointId endpoint, uint32_t identity,
                    std::unique_ptr<net::Stream> stream, http::HeadLimits limits);
  BackendConnection(const BackendConnection&) = delete;
  BackendConnection& operator=(const BackendConnection&) = delete;
  ~BackendConnection();

  // Ready for a request with that method.
  void use(User& user, std::string_view method);
  // Back to being idle. CHECKs that it may be.
  void rest();
  // No callback of it does anything from now on; the stream closes with the object.
  void end();

  // Whether the last exchange left it clean: reply whole, nothing after it, no end of it seen,
  // nothing waiting to be sent.
  bool is_reusable() const;
  // Is the peer still there, as far as the kernel knows, with nothing to say? One system call.
  bool is_quiet() const;
  // Has any byte of the present reply come?
  bool reply_has_begun() const { return parser_.has_begun(); }
  bool was_used_before() const { return uses_ > 1; }

  net::Stream& stream() { return *stream_; }
  EndpointId endpoint() const { return endpoint_; }
  uint32_t identity() const { return identity_; }
  // Where the head of the present reply lives, until the next use.
  Arena& arena() { return arena_; }

 private:
  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view bytes) override;
  void on_reply_end(const http::Headers& trailers) override;
  void on_deadline() override;  // of its idle time

  BackendPool& pool_;
  const EndpointId endpoint_;
  const uint32_t identity_;
  std::unique_ptr<net::Stream> stream_;
  Arena arena_;
  http::ReplyParser parser_;
  User* user_ = nullptr;
  uint32_t uses_ = 0;
  bool keeps_alive_ = true;  // what the last reply said
  bool is_spoilt_ = false;   // extra bytes, an end or a failure were seen
  bool has_ended_ = false;
};

}  // namespace causeway::router
