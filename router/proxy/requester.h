#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "net/stream.h"
#include "router/front/client_facts.h"
#include "router/proxy/relay.h"

namespace causeway::router {

class Exchange;
struct ReplyShape;
struct RouterReply;

// Who asks: the client's side of one exchange, an HTTP/1 connection or one stream of an HTTP/2
// connection. It tells its exchange the request (Exchange::begin() and what follows) and takes the
// reply. The head and the request's views live in its arena. Owner: the listener, or the HTTP/2
// connection. Thread: its worker's. Ends: never within an exchange that is not idle.
class Requester : public MessageSource {
 public:
  Requester(const Requester&) = delete;
  Requester& operator=(const Requester&) = delete;

  Arena& arena() { return arena_; }
  virtual const ClientFacts& facts() const = 0;
  virtual const std::string& client_ip() const = 0;
  virtual const std::string& client_authority() const = 0;  // ip:port

  // The request's body. Bytes that nobody wants yet wait at the requester, a bounded amount.
  // Are they being told just now? Then Exchange::on_feed_done() follows by itself.
  bool is_feeding() const { return is_feeding_; }
  // None are told until resume_feeding(). Within Exchange::begin() or after.
  virtual void hold_body() = 0;
  // Tells the bytes that wait, as far as the exchange takes them, and on_feed_done().
  virtual void resume_feeding() = 0;
  // The client sends no more, be the request whole or not.
  virtual bool has_ended() const = 0;

  // The reply. 1xx, at once:
  virtual void send_interim(Exchange& exchange, const http::ReplyHead& head) = 0;
  // The final head. It leaves with the first flush() of the sink that takes the rest. `backend`:
  // its authority.
  virtual MessageSink& begin_reply(Exchange& exchange, const http::ReplyHead& head,
                                   const ReplyShape& shape, std::string_view backend) = 0;
  // One of the router's own, head and body, at once.
  virtual void send_reply(Exchange& exchange, const RouterReply& reply, bool keeps_client) = 0;
  // Has the client yet to take what was sent?
  virtual bool has_unsent_bytes() const = 0;

  // Does a 101 fit what was asked in its name?
  virtual bool accepts_upgrade(const http::ReplyHead& head) const {
    static_cast<void>(head);
    return true;
  }
  // After a 101: the stream whose bytes are the tunnel's, and those that have come already.
  virtual net::Stream& tunnel_stream() = 0;
  virtual std::string_view ahead() const = 0;

  // The exchange is idle again, in one of these ways. What it was for may be over then. A reply and
  // a request that are whole, if `keeps_open`.
  virtual void on_exchange_done(bool keeps_open) = 0;
  // The reply is not whole: orderly sends what is queued before the end, reset tells that something
  // is missing by all means.
  enum class Cut : uint8_t { orderly, reset };
  virtual void cut(Cut how) = 0;
  virtual void on_tunnel_end() = 0;

 protected:
  explicit Requester(ArenaBlocks& blocks) : arena_(blocks) {}
  ~Requester() = default;

  Arena arena_;
  bool is_feeding_ = false;
};

}  // namespace causeway::router
