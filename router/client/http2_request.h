#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/list.h"
#include "http2/server_stream.h"
#include "net/stream.h"
#include "router/backend/deadlines.h"
#include "router/proxy/exchange.h"
#include "router/proxy/requester.h"

namespace causeway::router {

class Http2ClientConnection;
class Http2Request;
struct Workbench;

// The stream of an extended CONNECT (RFC 8441) as a tunnel knows streams. Owner: its request.
class Http2TunnelStream final : public net::Stream {
 public:
  explicit Http2TunnelStream(Http2Request& request) : request_(request) {}

  using Stream::write;
  void listen(Events& events) override;
  void pause(net::Pause reason) override;
  void resume(net::Pause reason) override;
  void write(std::span<const std::string_view> pieces) override;
  size_t queued_bytes() const override;
  void watermarks(size_t high) override;
  size_t high_mark() const override;
  void shutdown() override;
  void abort_on_close() override {}
  const net::Address& peer() const override;
  const net::Address& local() const override;
  net::Loop& loop() override;
  int descriptor() const override;

 private:
  friend class Http2Request;
  Http2Request& request_;
  Events* events_ = nullptr;  // while the tunnel is open
  uint8_t pauses_ = 0;
};

// One stream of an HTTP/2 client: a Requester for one exchange, whose reply goes into the stream's
// queue. Body bytes that nobody wants yet wait here, no more than the stream's window, which is
// opened again as the backend takes them. Owner: Http2Requests, which hands it out for one request
// at a time. Thread: its worker's. Ends: when the exchange is idle and the stream closed.
class Http2Request final : public Requester,
                           public http2::ServerStream,
                           public ListLink<Http2Request>,
                           private MessageSink,
                           private Deadline {
 public:
  explicit Http2Request(Workbench& bench);
  ~Http2Request();

  void begin(Http2ClientConnection& connection, size_t place);
  // The connection is no more.
  void abandon();
  // The connection's turn: tells what waits, where a pause has ended.
  void wake();
  void send_away() { exchange_.send_away(); }
  bool is_tunnelling() const { return exchange_.is_tunnelling(); }
  size_t place() const { return place_; }
  void place(size_t place) { place_ = place; }

 private:
  friend class Http2TunnelStream;

  // Requester.
  const ClientFacts& facts() const override;
  const std::string& client_ip() const override;
  const std::string& client_authority() const override;
  void pause_body() override { is_paused_ = true; }
  void resume_body() override;
  void hold_body() override {}
  void resume_feeding() override;
  bool has_ended() const override { return is_request_whole(); }
  bool accepts_upgrade(const http::ReplyHead& head) const override;
  void send_interim(Exchange& exchange, const http::ReplyHead& head) override;
  MessageSink& begin_reply(Exchange& exchange, const http::ReplyHead& head, const ReplyShape& shape,
                           std::string_view backend) override;
  void send_reply(Exchange& exchange, const RouterReply& reply, bool keeps_client) override;
  bool has_unsent_bytes() const override { return ServerStream::queued_bytes() > 0; }
  net::Stream& tunnel_stream() override { return tunnel_; }
  std::string_view ahead() const override { return ahead_; }
  void on_exchange_done(bool keeps_open) override;
  void cut(Cut how) override;
  void on_tunnel_end() override;

  // MessageSink: everything goes into the stream's queue at once, and out in the connection's turn.
  void add_body(std::string_view bytes) override;
  void add_end(const http::Headers& trailers) override;
  void flush() override {}
  void drop() override {}
  bool is_full() const override { return ServerStream::is_full(); }

  // ServerStream.
  Arena& head_arena() override { return arena_; }
  void on_body(std::string_view bytes) override;
  void on_fed() override;
  void on_drained() override;
  void on_closed(bool by_client) override;

  void on_deadline() override;  // has the client taken anything?

  void begin_exchange();
  void refuse();
  void feed();
  void tell_tunnel(std::string_view bytes);
  bool may_tell() const { return exchange_.takes_body() && !is_paused_; }
  void account(size_t bytes);
  void watch_queue();
  void release_if_done();
  void lose_body();

  Workbench& bench_;
  Http2ClientConnection* connection_ = nullptr;
  size_t place_ = 0;  // among its connection's
  Exchange exchange_;
  Http2TunnelStream tunnel_;
  std::string ahead_;
  std::string_view websocket_key_;
  size_t held_bytes_ = 0;     // told while the backend was behind: the window stays closed for them
  uint64_t sent_before_ = 0;  // at the last look
  bool has_begun_ = false;    // the exchange knows the request
  bool end_is_told_ = false;
  bool is_paused_ = false;
};

// Requests that are not in use, for all connections of one listener, which owns them.
class Http2Requests {
 public:
  explicit Http2Requests(Workbench& bench) : bench_(bench) {}
  Http2Requests(const Http2Requests&) = delete;
  Http2Requests& operator=(const Http2Requests&) = delete;

  std::unique_ptr<Http2Request> take();
  void give(std::unique_ptr<Http2Request> request);

 private:
  static constexpr size_t kept_max = 1024;
  Workbench& bench_;
  std::vector<std::unique_ptr<Http2Request>> kept_;
};

}  // namespace causeway::router
