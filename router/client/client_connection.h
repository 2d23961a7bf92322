#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/h1_parser.h"
#include "net/stream.h"
#include "router/backend/deadlines.h"
#include "router/client/lingering.h"
#include "router/client/served_connection.h"
#include "router/proxy/exchange.h"
#include "router/proxy/http1_sink.h"
#include "router/proxy/requester.h"

namespace causeway::router {

class Listener;
struct Workbench;

// One client's connection: turns its bytes into requests, one after the other, and hands them to
// its exchange. Bytes that come before they are wanted (pipelined requests, a body while the
// backend is being dialled) wait here, one read's worth, with the stream paused. Owner: Listener.
// Thread: its worker's. Ends: after a reply that closes, a failure, the client's end, its idle
// time.
class ClientConnection final : public ServedConnection,
                               private Requester,
                               private net::Stream::Events,
                               private http::RequestParser::Events,
                               private Deadline {
 public:
  ClientConnection(Listener& listener, Workbench& bench, std::unique_ptr<net::Stream> stream,
                   ClientFacts facts, size_t place);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection() override;

  // For the listener.
  // From its stream; from the listener what the client had sent before there was a connection.
  void on_read(std::span<char> bytes) override;
  void drain() override;
  void send_away() override { exchange_.send_away(); }
  void end() override;
  bool is_busy() const override;

 private:
  enum class State : uint8_t {
    open,
    lingering,  // the last bytes go out; what comes is thrown away
    ended
  };

  // Requester.
  const ClientFacts& facts() const override { return facts_; }
  const std::string& client_ip() const override { return client_ip_; }
  const std::string& client_authority() const override { return client_authority_; }
  void pause_body() override { stream_->pause(net::Pause::peer_full); }
  void resume_body() override { stream_->resume(net::Pause::peer_full); }
  void hold_body() override { parser_.stop(); }
  void resume_feeding() override;
  bool has_ended() const override { return has_ended_; }
  void send_interim(Exchange& exchange, const http::ReplyHead& head) override;
  MessageSink& begin_reply(Exchange& exchange, const http::ReplyHead& head, const ReplyShape& shape,
                           std::string_view backend) override;
  void send_reply(Exchange& exchange, const RouterReply& reply, bool keeps_client) override;
  bool has_unsent_bytes() const override { return stream_->queued_bytes() > 0; }
  net::Stream& tunnel_stream() override { return *stream_; }
  std::string_view ahead() const override { return ahead_; }
  void on_exchange_done(bool keeps_open) override;
  void cut(Cut how) override;
  void on_tunnel_end() override { end(); }

  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;
  void on_request(http::RequestHead& head) override;
  void on_request_body(std::string_view bytes) override;
  void on_request_end(const http::Headers& trailers) override;
  void on_deadline() override;

  bool may_feed() const;
  void feed(std::string_view bytes);
  bool feed_once(std::string_view& bytes);
  bool turns_to_http2(std::string_view bytes);
  void after_feed();
  void time_the_client();
  bool has_unread_bytes() const;
  void refuse(const Error& error);
  void close_after_reply();
  void linger();
  void on_linger_tick();

  Listener& listener_;
  Workbench& bench_;
  std::unique_ptr<net::Stream> stream_;
  ClientFacts facts_;
  const std::string client_ip_;
  const std::string client_authority_;
  http::RequestParser parser_;
  Exchange exchange_;
  Http1Sink sink_;
  std::string ahead_;
  State state_ = State::open;
  bool has_ended_ = false;
  bool may_turn_to_http2_;  // nothing but the beginning of its preface has come
  bool is_timed_ = false;  // the rest of a head, or of a body that nobody wants, is to come in time
  Lingering lingering_;
};

}  // namespace causeway::router
