#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "bench/load/http/http_plan.h"
#include "bench/load/measure/tally.h"
#include "http/h1_parser.h"
#include "net/stream.h"
#include "net/tcp.h"

namespace causeway::load {

// One of the generator's places for a request in flight: connects when it has to, sends a request,
// reads its reply, and keeps the connection for the next one. Owner: its worker, for the whole run;
// on one of the worker's lists. Thread: the worker's.
class HttpConnection final : public ListLink<HttpConnection>,
                             net::Stream::Events,
                             http::ReplyParser::Events {
 public:
  // What it tells its worker; each call may send the next request at once.
  class Events {
   public:
    // After open(): it stands, or not.
    virtual void on_opened(HttpConnection& connection, const Error* error) = 0;
    virtual void on_replied(HttpConnection& connection, uint16_t status) = 0;
    virtual void on_failed(HttpConnection& connection, Failure failure, const Error& error) = 0;
    virtual void on_connected() = 0;
    virtual void on_traffic(size_t bytes_in, size_t bytes_out) = 0;

   protected:
    ~Events() = default;
  };

  // Asks for the plan's requests to `address` in rotation; `cursor` counts those of the worker.
  HttpConnection(net::Loop& loop, const HttpPlan& plan, Events& events, size_t address,
                 size_t& cursor);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

  // Connects ahead of the first request.
  void open();
  // `intended`: when the request was due; `now`: when it is sent.
  void send(Instant intended, Instant now);
  // Drops the request in flight and its connection; tells nobody.
  void drop();

  Instant intended() const { return intended_; }
  Instant begun() const { return begun_; }

  Instant free_since{};  // its worker's note

 private:
  enum class Phase : uint8_t { closed, opening, idle, connecting, asking };

  void connect();
  void on_connection(Result<std::unique_ptr<net::Stream>> connected);
  void ask();
  void finish_reply();
  void fail(Failure failure, const Error& error);

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view bytes) override;
  void on_reply_end(const http::Headers& trailers) override;

  net::Loop& loop_;
  const HttpPlan& plan_;
  Events& events_;
  size_t address_;
  size_t& cursor_;
  Phase phase_ = Phase::closed;
  uint16_t status_ = 0;
  bool keep_alive_ = false;
  Instant intended_{};
  Instant begun_{};
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Stream> stream_;
  Arena arena_;
  http::ReplyParser parser_;
};

}  // namespace causeway::load
