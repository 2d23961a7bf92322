#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "router/backend/backend_connection.h"
#include "router/backend/backend_lease.h"
#include "router/backend/dial.h"
#include "router/backend/http2_pool.h"
#include "router/proxy/failure.h"
#include "router/proxy/http1_sink.h"
#include "router/proxy/http2_leg.h"
#include "router/route/pool.h"

namespace causeway::router {

class Exchange;
struct Workbench;

// One try at sending an exchange's request to one endpoint: on an HTTP/1 connection that it has for
// itself, or on a stream of an HTTP/2 connection that it shares.
// Owner: Exchange, one at a time; the object is used again for the next try. Thread: its worker's.
// Ends: on failure, with the end of the reply, or with its exchange; the lease goes back to the
// pool then, the stream is closed.
class Attempt final : private BackendConnection::User,
                      private http2::ClientStream::Events,
                      private Http2Seeker,
                      private Dial::User {
 public:
  Attempt(Exchange& exchange, Workbench& bench);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() { end(); }

  enum class Reuse : uint8_t { never, quiet_ones, any };  // of idle connections
  enum class Start : uint8_t { ready, waiting, refused };
  // ready: a connection is there. waiting: the exchange hears later. refused: failure() says why.
  // `route_key`: of the route that led to the endpoint, "" for none; valid like the endpoint.
  Start start(std::string_view route_key, const Endpoint& endpoint, Reuse reuse);
  // The exchange's request, for the endpoint: its head leaves with the first flush() of the sink
  // that takes the rest.
  MessageSink& begin_request();
  // The reply's bytes.
  MessageSource& reply_source();
  // The reply is whole and so is the request: the connection may serve the next one.
  void finish();
  // Gives everything up. Idempotent.
  void end();

  Failure failure() const { return failure_; }
  // Could this failure be the fault of a connection kept too long, and is it safe to send the
  // request once more, to the same endpoint?
  bool may_replay(bool is_replayable) const;
  bool has_sent() const { return has_sent_; }
  bool reply_has_begun() const { return reply_has_begun_; }
  bool has_connection() const { return lease_ || connection_ != nullptr; }
  bool was_reused() const { return was_reused_; }
  const Endpoint& endpoint() const { return *endpoint_; }
  // HTTP/1 only, as every upgrade is.
  net::Stream& stream() { return lease_->stream(); }

  Instant started_at() const { return started_at_; }
  // Zero when a kept connection was used.
  Duration dial_time() const { return times_.connect; }
  Duration lookup_time() const { return times_.lookup; }
  Duration tls_time() const { return times_.tls; }
  // "ip:port" of this side of the connection, "" without one. One system call the first time.
  std::string local_address() const;
  // Counts as in flight until its end, not only until the reply's head; holds the endpoint for
  // that.
  void count_to_the_end(std::shared_ptr<const Endpoint> endpoint);

 private:
  bool wants_http2(const Endpoint& endpoint) const;
  Dial::Options dial_options() const;
  void dial();
  bool take_idle(Reuse reuse);
  void adopt(std::unique_ptr<net::Stream> stream);
  void use(Http2Connection& connection);
  MessageSink& begin_http2_request();
  void close_stream();
  void fail(Failure failure);
  Failure of_reply(Failure failure) const;
  void leave_in_flight();
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view bytes) override;
  void on_reply_end(const http::Headers& trailers) override;
  void on_backend_read_done(std::string_view rest) override;
  void on_backend_failure(const Error& error) override;
  void on_backend_drained() override;
  void on_reply_read_done() override;
  void on_stream_failure(const http2::StreamFailure& failure) override;
  void on_request_drained() override;
  void on_http2_ready(Http2Connection& connection, const Dial::Times& times) override;
  void on_http1_instead(std::unique_ptr<net::Stream> stream, const Dial::Times& times) override;
  void on_http1_only() override;
  void on_seek_failed(Dial::Stage stage, const Error& error, const Dial::Times& times) override;
  void on_dialled(Dial::Dialled dialled) override;
  void on_dial_failed(Dial::Stage stage, const Error& error) override;

  Exchange& exchange_;
  Workbench& bench_;
  std::string_view route_key_;
  const Endpoint* endpoint_ = nullptr;  // valid as long as the exchange pins its table
  Dial dial_;
  const tls::ClientContext* dialled_as_ = nullptr;  // what it shows and whom it trusts
  BackendLease lease_;
  Http1Sink sink_;
  StreamSource source_;
  Http2Connection* connection_ = nullptr;  // instead of a lease
  std::unique_ptr<http2::ClientStream> stream_;
  Http2Leg leg_;
  Failure failure_ = Failure::no_endpoint;
  const Endpoint* in_flight_ = nullptr;  // endpoint_ while it counts this attempt
  std::shared_ptr<const Endpoint> counted_to_the_end_;
  bool has_sent_ = false;
  bool was_reused_ = false;
  bool reply_has_begun_ = false;
  bool is_replay_ = false;
  bool forces_http1_ = false;  // the endpoint wants this request so
  Instant started_at_{};
  Dial::Times times_;
};

}  // namespace causeway::router
