#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "http/h1_parser.h"
#include "net/stream.h"
#include "net/timer.h"
#include "rpc/server.h"

namespace causeway::rpc {

class ServerEventStream;
class ServerBodyStream;

// One client of a server: its requests one after the other, each answered before the next is looked
// at. Owner: Server::State. Thread: its loop's. Ends when the client goes, a limit or deadline is
// met, after the last answer, or with the server; buried, since that happens in its callbacks.
class ServerConnection final : net::Stream::Events, http::RequestParser::Events {
 public:
  ServerConnection(Server::State& server, std::unique_ptr<net::Stream> stream);
  ServerConnection(const ServerConnection&) = delete;
  ServerConnection& operator=(const ServerConnection&) = delete;

  void open();
  // No request under way: a drain may close it.
  bool is_idle() const { return phase_ == Phase::waiting; }
  // Closes and detaches from everything. Idempotent; its owner forgets it.
  void end();

  // Of its responder.
  void moved(Responder* responder) { responder_ = responder; }
  void answer(int status, std::string_view content_type, std::string body,
              const HeaderList& headers);
  std::unique_ptr<Responder::EventStream> open_stream(const HeaderList& headers);

  std::unique_ptr<Responder::BodyStream> open_body(std::string_view content_type,
                                                   const HeaderList& headers);

  // Of its body stream.
  void send_body(std::string_view bytes);
  bool is_full() const { return stream_->is_full(); }
  void finish_body();
  void cut_body();

  // Of its event stream.
  bool send_event(std::string_view id, const EventText& text);
  void close_stream();

  // What Server::State::flush_soon() was told for; it no longer holds this connection.
  void flush_due();

 private:
  enum class Phase : uint8_t {
    waiting,  // for the first byte of a request
    receiving,
    answering,  // the responder has it
    sending,    // a body is being made
    streaming,  // an event stream is open
    flushing,   // the client has to take what was sent before it is heard again
    lingering,  // FIN is sent; what the client still sends is dropped, so that it is not reset
                // before it has read
    ended,
  };

  // Of the event stream, for the subscriber.
  struct WaitingEvent {
    std::string id_line;
    EventText text;
    size_t size() const { return id_line.size() + text->size(); }
  };

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;
  void on_request(http::RequestHead& head) override;
  void on_request_body(std::string_view bytes) override;
  void on_request_end(const http::Headers& trailers) override;

  // Parses and serves until nothing is left or an answer has to be waited for.
  void consume(std::string_view bytes);
  void dispatch();
  void on_deadline();
  // Answers a request that cannot be served, and closes.
  void refuse(int status);
  void observe(int status);
  void answered();
  void next_request();
  void linger();
  // Sends what waits for the subscriber, as far as it takes it.
  void flush_events();
  size_t write_events(size_t first);
  bool has_too_many() const;
  bool cut_off();
  bool is_chunked();

  Server::State& server_;
  net::Loop& loop_;
  std::unique_ptr<net::Stream> stream_;
  Phase phase_ = Phase::waiting;
  bool keeps_alive_ = true;
  bool client_has_ended_ = false;  // half-closed: it still reads
  bool is_consuming_ = false;      // consume() is on the stack and goes on after an answer
  bool is_observed_ = true;        // the present request was counted
  int refusal_ = 0;                // status, found inside a parser event
  Instant received_{};
  Request request_;
  std::string raw_path_;
  std::string inbox_;  // bytes behind the request that is being answered
  Arena arena_;
  http::RequestParser parser_;
  net::Timer deadline_;
  Responder* responder_ = nullptr;             // nulled by it when it ends
  ServerEventStream* event_stream_ = nullptr;  // the same
  ServerBodyStream* body_stream_ = nullptr;    // the same
  std::vector<WaitingEvent> events_;
  size_t event_bytes_ = 0;     // of them
  bool is_flush_due_ = false;  // the server's due_flushes has this connection
  friend class ServerEventStream;
  friend class ServerBodyStream;
};

// What an answering service holds of a connection that sends a long body. Tells and is told of the
// end, as Responder.
class ServerBodyStream final : public Responder::BodyStream {
 public:
  explicit ServerBodyStream(ServerConnection& connection) : connection_(&connection) {}
  ServerBodyStream(const ServerBodyStream&) = delete;
  ServerBodyStream& operator=(const ServerBodyStream&) = delete;
  ~ServerBodyStream() override;

  void write(std::string_view bytes) override;
  bool is_full() const override;
  void on_room(std::function<void()> callback) override { on_room_ = std::move(callback); }
  bool is_gone() const override { return connection_ == nullptr; }
  void finish() override;

 private:
  friend class ServerConnection;
  ServerConnection* connection_;  // nulled by it when it ends
  std::function<void()> on_room_;
};

// What a hub holds of a connection that streams. Tells and is told of the end, as Responder.
class ServerEventStream final : public Responder::EventStream {
 public:
  explicit ServerEventStream(ServerConnection& connection) : connection_(&connection) {}
  ServerEventStream(const ServerEventStream&) = delete;
  ServerEventStream& operator=(const ServerEventStream&) = delete;
  ~ServerEventStream() override;

  bool send(std::string_view id, const EventText& text) override;
  void on_gone(std::function<void()> callback) override { on_gone_ = std::move(callback); }

 private:
  friend class ServerConnection;
  ServerConnection* connection_;  // nulled by it when it ends
  std::function<void()> on_gone_;
};

}  // namespace causeway::rpc
