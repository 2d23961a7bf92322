#include "router/proxy/attempt.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "router/proxy/exchange.h"
#include "router/proxy/head_writer.h"
#include "router/proxy/workbench.h"

namespace causeway::router {

Attempt::Attempt(Exchange& exchange, Workbench& bench)
    : exchange_(exchange), bench_(bench), sink_(bench.to_backend) {}

Attempt::Start Attempt::start(std::string_view route_key, const Endpoint& endpoint, Reuse reuse) {
  end();
  endpoint_ = &endpoint;
  has_sent_ = was_reused_ = reply_has_begun_ = false;
  dial_time_ = lookup_time_ = tls_time_ = {};
  started_at_ = bench_.loop.now();
  if (endpoint.is_tls() && tls_context() == nullptr) {
    failure_ = Failure::tls_unsupported;
    return Start::refused;
  }
  in_flight_ = &endpoint;
  endpoint.began();
  bench_.backends.metrics_of(endpoint).total_requests.add();
  if (reuse != Reuse::never) {
    lease_ = bench_.backends.take_idle(
        endpoint, reuse == Reuse::any ? BackendPool::Check::none : BackendPool::Check::quiet);
    if (lease_) {
      was_reused_ = true;
      lease_->use(*this, exchange_.request().method);
      return Start::ready;
    }
  }
  route_key_ = route_key;
  if (endpoint.is_numeric()) {
    connect(endpoint.address());
  } else {
    resolver_ = net::Resolver::start(bench_.loop, std::string(endpoint.host()), endpoint.port(),
                                     [this](Result<net::Address> address) {
                                       lookup_time_ = bench_.loop.now() - started_at_;
                                       if (address) return connect(*address);
                                       failure_ = Failure::name_unresolved;
                                       exchange_.on_attempt_failed();
                                     });
  }
  return Start::waiting;
}

const tls::ClientContext* Attempt::tls_context() const {
  const Settings& settings = bench_.settings;
  return exchange_.ruling().service != nullptr ? settings.route_services.tls.get()
                                               : settings.backend_tls.get();
}

void Attempt::connect(const net::Address& address) {
  net::Connector::Options options;
  options.timeout = bench_.settings.endpoint_dial_timeout;
  options.keep_alive_probe = bench_.settings.endpoint_keep_alive_probe_interval;
  connector_ = net::Connector::start(bench_.loop, address, options,
                                     [this](Result<std::unique_ptr<net::Stream>> connected) {
                                       on_connected(std::move(connected));
                                     });
}

void Attempt::on_connected(Result<std::unique_ptr<net::Stream>> connected) {
  dial_time_ = bench_.loop.now() - started_at_ - lookup_time_;
  if (!connected) {
    failure_ = dial_failure(connected.error());
    return exchange_.on_attempt_failed();
  }
  if (!endpoint_->is_tls()) return adopt(*std::move(connected));
  tls::Handshake::ConnectOptions options;
  const std::string_view name = endpoint_->server_cert_domain_san();
  options.server_name = std::string(name.empty() ? endpoint_->host() : name);
  options.sessions =
      exchange_.ruling().service != nullptr ? &bench_.service_sessions : &bench_.backend_sessions;
  options.timeout = bench_.settings.tls_handshake_timeout;
  handshake_ = tls::Handshake::connect(
      *std::move(connected), *tls_context(), options,
      [this](Result<tls::Secured> secured) { on_secured(std::move(secured)); });
}

void Attempt::on_secured(Result<tls::Secured> secured) {
  tls_time_ = bench_.loop.now() - started_at_ - lookup_time_ - dial_time_;
  if (!secured) {
    failure_ = tls_failure(secured.error());
    return exchange_.on_attempt_failed();
  }
  adopt(std::move(secured->stream));
}

void Attempt::adopt(std::unique_ptr<net::Stream> stream) {
  lease_ = bench_.backends.adopt(endpoint_->id(), route_key_, std::move(stream));
  lease_->use(*this, exchange_.request().method);
  exchange_.on_attempt_ready();
}

MessageSink& Attempt::begin_request() {
  has_sent_ = true;
  const bool is_chunked = exchange_.request().framing == http::Framing::chunked;
  std::string& text = sink_.begin(
      lease_->stream(), is_chunked ? Http1Sink::Framing::chunked : Http1Sink::Framing::as_is);
  append_backend_head(text, exchange_, *endpoint_);
  return sink_;
}

void Attempt::leave_in_flight() {
  if (in_flight_ != nullptr) std::exchange(in_flight_, nullptr)->ended();
  counted_to_the_end_.reset();
}

void Attempt::count_to_the_end(std::shared_ptr<const Endpoint> endpoint) {
  CHECK(endpoint.get() == in_flight_);
  counted_to_the_end_ = std::move(endpoint);
}

std::string Attempt::local_address() const {
  return lease_ ? lease_->stream().local().to_string() : std::string();
}

void Attempt::finish() {
  leave_in_flight();
  lease_.give_back();
}

void Attempt::end() {
  resolver_.reset();
  connector_.reset();
  handshake_.reset();
  leave_in_flight();
  lease_.drop();
}

bool Attempt::may_replay(bool is_replayable) const {
  return was_reused_ && !reply_has_begun_ && (is_replayable || !has_sent_) &&
         (failure_ == Failure::reset_before_reply || failure_ == Failure::closed_before_reply);
}

void Attempt::on_reply(http::ReplyHead& head) {
  reply_has_begun_ = true;
  // In flight until the reply's head is there (gorouter.md section 4): downloads and tunnels do not
  // count, unless whole exchanges are to.
  const bool is_final = head.status >= 200 || head.status == 101;
  if (is_final && !bench_.settings.counts_whole_exchanges) leave_in_flight();
  exchange_.on_reply(head);
}

void Attempt::on_reply_body(std::string_view bytes) { exchange_.on_reply_body(bytes); }
void Attempt::on_reply_end(const http::Headers& trailers) { exchange_.on_reply_end(trailers); }
void Attempt::on_backend_read_done(std::string_view rest) { exchange_.on_backend_read_done(rest); }
void Attempt::on_backend_drained() { exchange_.on_backend_drained(); }

void Attempt::on_backend_failure(const Error& error) {
  failure_ = reply_failure(error);
  if (failure_ == Failure::reply_head_too_large && bench_.settings.max_response_headers > 0)
    failure_ = Failure::too_many_reply_headers;
  // Whoever has begun to answer may have acted on the request: it is not sent again.
  if (lease_->reply_has_begun()) reply_has_begun_ = true;
  exchange_.on_attempt_failed();
}

}  // namespace causeway::router
