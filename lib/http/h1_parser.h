#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/message.h"

namespace causeway::http {

// Bounds on a message head, applied before anything is stored.
struct HeadLimits {
  size_t head_bytes_max = 1u << 20;  // start line and headers together
  size_t headers_max = 10'000;       // lines
};

// What a peer's bytes were wrong with, and the status a server answers (gorouter.md sections 10,
// 16, 17). Error::fault is protocol or limit; Error::os carries the HTTP status to answer (400,
// 431, 501, 505).

// HTTP/1.x requests, bytes in, events out, no sockets (llhttp inside). Strict on everything that
// can smuggle a request: differing Content-Length lines (identical ones become one), Content-Length
// with Transfer-Encoding (chunked wins, the length line is removed, nothing after the request is
// read: RFC 9112 section 6.1), other transfer codings (501), Transfer-Encoding in HTTP/1.0, bare
// CR, NUL, space before colon. Bare LF line ends and folded lines are accepted in a head, and
// arrive as CRLF and one blank; inside a chunked body they are not. Any token is a method; CONNECT
// is a method like others. Versions: 1.0 and 1.1; 1.x and 2.x are 400, others 505. One parser per
// connection, reused for each request. After an error it is of no further use. Thread: its
// connection's.
class RequestParser {
 public:
  class Events {
   public:
    // The head is complete. It and its views live until next_request(); it may be edited.
    virtual void on_request(RequestHead& head) = 0;
    virtual void on_request_body(std::string_view bytes) = 0;
    // The message is complete (chunked trailers, if any, were put in `trailers`, valid during the
    // call).
    virtual void on_request_end(const Headers& trailers) = 0;

   protected:
    ~Events() = default;
  };

  // Head bytes are copied into `arena`, which the caller resets between requests.
  RequestParser(Arena& arena, HeadLimits limits, Events& events);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;
  ~RequestParser();

  // Parses and calls events. Answers how many bytes were used: fewer than given when the request is
  // complete (the rest belongs to the next one, or to the tunnel it asked for), or after stop().
  Result<size_t> feed(std::string_view bytes);
  // Called inside an event: feed() returns right after it (after on_request_end, when the request
  // has no body).
  void stop();
  // Forgets the finished request and is ready for the next head. The caller resets the arena first.
  void next_request();
  // Has any byte of the present request been seen, and is its head complete?
  bool has_begun() const;
  bool head_complete() const;
  bool is_complete() const;
  RequestHead& head();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// HTTP/1.x replies, as strict as requests; errors are Side::backend with Error::os 502. 1xx heads
// come as on_reply too (status 100..199 except 101, each followed by another head).
class ReplyParser {
 public:
  class Events {
   public:
    virtual void on_reply(ReplyHead& head) = 0;
    virtual void on_reply_body(std::string_view bytes) = 0;
    virtual void on_reply_end(const Headers& trailers) = 0;

   protected:
    ~Events() = default;
  };

  ReplyParser(Arena& arena, HeadLimits limits, Events& events);
  ReplyParser(const ReplyParser&) = delete;
  ReplyParser& operator=(const ReplyParser&) = delete;
  ~ReplyParser();

  // Ready for the reply to a request of that method: HEAD has no body. A 2xx to CONNECT is a reply
  // like others, only a 101 turns into a tunnel (doc/adr/0017).
  void expect(std::string_view method);
  // Same contract as RequestParser::feed. After a 101 the rest of the bytes is the tunnel's.
  Result<size_t> feed(std::string_view bytes);
  void stop();
  // The peer closed: ends an until_close body (on_reply_end), or answers Fault::closed for one cut
  // short.
  Result<void> finish();
  bool has_begun() const;
  bool head_complete() const;
  bool is_complete() const;
  ReplyHead& head();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::http
