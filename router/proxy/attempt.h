#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/tcp.h"
#include "router/backend/backend_connection.h"
#include "router/backend/backend_lease.h"
#include "router/proxy/failure.h"
#include "router/proxy/http1_sink.h"
#include "router/route/pool.h"
#include "tls/handshake.h"

namespace causeway::router {

class Exchange;
struct Workbench;

// One try at sending an exchange's request to one endpoint.
// Owner: Exchange, one at a time; the object is used again for the next try. Thread: its worker's.
// Ends: on failure, with the end of the reply, or with its exchange; the lease goes back to the
// pool then.
class Attempt final : private BackendConnection::User {
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
  MessageSource& reply_source() { return source_.of(lease_->stream()); }
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
  bool has_connection() const { return static_cast<bool>(lease_); }
  bool was_reused() const { return was_reused_; }
  const Endpoint& endpoint() const { return *endpoint_; }
  net::Stream& stream() { return lease_->stream(); }

  Instant started_at() const { return started_at_; }
  Duration dial_time() const { return dial_time_; }  // zero when a kept connection was used
  Duration lookup_time() const { return lookup_time_; }
  Duration tls_time() const { return tls_time_; }
  // "ip:port" of this side of the connection, "" without one. One system call the first time.
  std::string local_address() const;
  // Counts as in flight until its end, not only until the reply's head; holds the endpoint for
  // that.
  void count_to_the_end(std::shared_ptr<const Endpoint> endpoint);

 private:
  const tls::ClientContext* tls_context() const;
  void connect(const net::Address& address);
  void on_connected(Result<std::unique_ptr<net::Stream>> connected);
  void on_secured(Result<tls::Secured> secured);
  void adopt(std::unique_ptr<net::Stream> stream);
  void leave_in_flight();
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view bytes) override;
  void on_reply_end(const http::Headers& trailers) override;
  void on_backend_read_done(std::string_view rest) override;
  void on_backend_failure(const Error& error) override;
  void on_backend_drained() override;

  Exchange& exchange_;
  Workbench& bench_;
  std::string_view route_key_;
  const Endpoint* endpoint_ = nullptr;  // valid as long as the exchange pins its table
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<tls::Handshake> handshake_;
  BackendLease lease_;
  Http1Sink sink_;
  StreamSource source_;
  Failure failure_ = Failure::no_endpoint;
  const Endpoint* in_flight_ = nullptr;  // endpoint_ while it counts this attempt
  std::shared_ptr<const Endpoint> counted_to_the_end_;
  bool has_sent_ = false;
  bool was_reused_ = false;
  bool reply_has_begun_ = false;
  Instant started_at_{};
  Duration dial_time_{};
  Duration lookup_time_{};
  Duration tls_time_{};
};

}  // namespace causeway::router
