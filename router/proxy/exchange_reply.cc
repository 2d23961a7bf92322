// The second half of an exchange: from the head of the backend's reply to the access record.
#include <algorithm>

#include "base/check.h"
#include "router/proxy/exchange.h"
#include "router/proxy/head_writer.h"
#include "router/workbench/workbench.h"

namespace causeway::router {

// Copies what the record says of the endpoint: the route table it lives in is let go with the head
// of the reply.
void Exchange::note_backend(uint16_t status) {
  const Endpoint& endpoint = attempt_.endpoint();
  record_.status = status;
  record_.backend = arena().copy(endpoint.authority());
  record_.app_id = arena().copy(endpoint.app_id());
  record_.app_index = arena().copy(endpoint.instance_index());
  record_.instance_id = arena().copy(endpoint.instance_id());
  if (attempt_.dial_time() > Duration::zero())
    record_.dial_seconds = std::chrono::duration<double>(attempt_.dial_time()).count();
  if (attempt_.lookup_time() > Duration::zero())
    record_.dns_seconds = std::chrono::duration<double>(attempt_.lookup_time()).count();
  if (attempt_.tls_time() > Duration::zero())
    record_.tls_seconds = std::chrono::duration<double>(attempt_.tls_time()).count();
  if (bench_.logs_local_address) record_.local_address = arena().copy(attempt_.local_address());
  component_ = &bench_.backends.metrics_of(endpoint);
  if (settings().per_app_prometheus_http_metrics_reporting) {
    const std::string_view source_id = endpoint.tag("source_id");
    if (!source_id.empty()) http_latency_ = &bench_.metrics.http_latency(source_id);
  }
  if (settings().counts_requests_of_apps && !record_.app_id.empty())
    bench_.metrics.app_requests(record_.app_id).add();
}

void Exchange::count_response(uint16_t status) {
  bench_.metrics.count_response(status);
  if (ruling_.service_leg == ServiceLeg::to_service)
    bench_.metrics.count_route_service_response(status);
}

// The endpoint that is counted must outlive the route table it was found in.
void Exchange::count_to_the_end() {
  if (ruling_.service != nullptr) return attempt_.count_to_the_end(ruling_.service);
  const auto endpoints = ruling_.pool->endpoints();
  const auto found = std::ranges::find(endpoints, &attempt_.endpoint(),
                                       [](const auto& each) { return each.get(); });
  CHECK(found != endpoints.end());
  attempt_.count_to_the_end(*found);
}

void Exchange::release_route() {
  ruling_.pool = nullptr;
  pin_.release();
}

bool Exchange::accepts_upgrade(const http::ReplyHead& head) const {
  // With a body still to come nobody could tell where the tunnel begins.
  return head_->upgrade && request_is_whole_ &&
         http::equals_ignoring_case(head.headers.get("upgrade"), facts_.upgrade) &&
         client_.accepts_upgrade(head);
}

void Exchange::on_reply(http::ReplyHead& head) {
  if (head.status < 200 && head.status != 101) return pass_interim(head);
  if (head.status == 101) {
    if (!accepts_upgrade(head)) {
      request_relay_.end();
      note_failed_attempt(Failure::wrong_upgrade);
      return fail(Failure::wrong_upgrade);
    }
    is_upgrading_ = true;
  } else if (head_->upgrade) {
    bench_.metrics.websocket_failures.add();
  }
  pass_reply(head);
}

// 100, 103 and the like, as they come. HTTP/1.0 knows none (RFC 9110 section 15.2).
void Exchange::pass_interim(const http::ReplyHead& head) {
  if (!is_http10()) client_.send_interim(*this, head);
}

void Exchange::pass_reply(http::ReplyHead& head) {
  note_backend(head.status);
  count_response(head.status);
  if (ruling_.service_leg == ServiceLeg::to_service && (head.status < 200 || head.status > 299))
    bench_.logger.info("route-service-response",
                       {{"endpoint", ruling_.service_host}, {"status-code", head.status}});
  ReplyShape shape;
  shape.to_http10 = is_http10();
  shape.is_upgrade = is_upgrading_;
  const bool has_no_length =
      head.framing == http::Framing::chunked || head.framing == http::Framing::until_close;
  shape.is_chunked = has_no_length && !shape.to_http10;
  closes_delimited_ = has_no_length && shape.to_http10;
  // A request that is still coming when its answer begins may never end.
  keeps_client_ = may_keep_client() && request_is_whole_ && !closes_delimited_;
  shape.keeps_client = keeps_client_;

  reply_relay_.begin(attempt_.reply_source(),
                     client_.begin_reply(*this, head, shape, record_.backend));
  reply_head_is_sent_ = true;
  if (settings().counts_whole_exchanges) count_to_the_end();
  release_route();
}

void Exchange::on_reply_body(std::string_view bytes) { reply_relay_.add_body(bytes); }

void Exchange::on_reply_end(const http::Headers& trailers) {
  reply_relay_.add_end(trailers);
  reply_is_whole_ = true;
}

void Exchange::on_backend_read_done(std::string_view rest) {
  reply_relay_.flush();
  if (!reply_is_whole_) return;
  if (is_upgrading_) return start_tunnel(rest);
  finish();
}

void Exchange::start_tunnel(std::string_view rest) {
  call_off();
  request_relay_.end();
  reply_relay_.end();
  phase_ = Phase::tunnelling;
  --bench_.exchanges;
  is_counted_ = false;
  ++bench_.tunnels;
  bench_.metrics.tunnels.set(static_cast<double>(bench_.tunnels));
  bench_.metrics.websocket_upgrades.add();
  tunnel_.start(client_.tunnel_stream(), attempt_.stream(), client_.ahead(), rest,
                client_.has_ended());
}

void Exchange::on_tunnel_end() {
  record_.received_bytes = tunnel_.client_bytes();
  record_.sent_bytes = tunnel_.backend_bytes();
  write_record();
  attempt_.end();
  become_idle();
  client_.on_tunnel_end();
}

void Exchange::finish() {
  write_record();
  const bool keeps_client = keeps_client_ && request_is_whole_;
  request_relay_.end();
  reply_relay_.end();
  // A backend that took CONNECT by its word would take the next request for bytes of the tunnel.
  if (request_is_whole_ && head_->method != "CONNECT") {
    attempt_.finish();
  } else {
    attempt_.end();
  }
  become_idle();
  client_.on_exchange_done(keeps_client);
}

void Exchange::cut(Failure failure) {
  bench_.metrics.aborted_exchanges.add();
  record_.router_error = failure == Failure::endpoint_timeout
                             ? "endpoint_failure (context deadline exceeded)"
                             : "endpoint_failure (unexpected EOF)";
  reply_relay_.flush();
  write_record();
  request_relay_.end();
  reply_relay_.end();
  attempt_.end();
  // Where only the end of the connection delimits the body, a reset alone says that it is not
  // whole. Nor is anything more sent to a client that was too slow to take it in time.
  const bool is_slow = failure == Failure::endpoint_timeout && client_.has_unsent_bytes();
  const auto how = closes_delimited_ || is_slow ? Requester::Cut::reset : Requester::Cut::orderly;
  become_idle();
  client_.cut(how);
}

void Exchange::on_client_gone(uint16_t status) {
  if (is_idle()) return;
  tunnel_.stop();
  if (phase_ == Phase::tunnelling) {
    record_.received_bytes = tunnel_.client_bytes();
    record_.sent_bytes = tunnel_.backend_bytes();
  } else if (!reply_head_is_sent_) {
    if (ruling_.pool != nullptr && attempts_ > 0) note_backend(status);
    record_.status = status;
    if (status == failure_row(Failure::client_gone).status)
      record_.router_error = "endpoint_failure (context canceled)";
  }
  write_record();
  request_relay_.end();
  reply_relay_.end();
  attempt_.end();
  become_idle();
}

void Exchange::write_record() {
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  const Instant now = bench_.loop.now();
  record_.response_seconds = seconds(now - started_at_);
  if (reply_relay_.is_active()) record_.sent_bytes = reply_relay_.body_bytes();
  if (backend_started_at_ != Instant{}) {
    const Instant began = std::max(backend_started_at_, attempt_failed_at_);
    record_.backend_seconds = std::max(seconds(now - began), 0.0);
    record_.gorouter_seconds = std::max(seconds(backend_started_at_ - started_at_), 0.0);
    if (bench_.settings.per_request_metrics_reporting) {
      bench_.metrics.gorouter_time.observe(record_.gorouter_seconds);
      if (component_ != nullptr) component_->latency.observe(record_.response_seconds * 1000);
    }
  }
  if (is_logged_ && settings().per_app_prometheus_http_metrics_reporting) {
    if (http_latency_ == nullptr) http_latency_ = &bench_.metrics.http_latency("gorouter");
    http_latency_->observe(record_.response_seconds);
  }
  // Before they are set for the backend, the client's own are what there is.
  if (record_.forwarded_for.empty()) record_.forwarded_for = head_->headers.get("x-forwarded-for");
  if (record_.forwarded_proto.empty()) record_.forwarded_proto = facts_.forwarded_proto;
  // An old hint for apps whose queries are split at ";" (section 7.2): in the log only.
  if (record_.router_error.empty() && record_.target.find(';') != std::string_view::npos)
    record_.router_error = "deprecated-semicolon-params";
  if (is_logged_) bench_.write_access_line(record_, &head_->headers);
}

void Exchange::become_idle() {
  call_off();
  settings_pin_.release();
  release_route();
  if (is_counted_) --bench_.exchanges;
  if (phase_ == Phase::tunnelling) {
    --bench_.tunnels;
    bench_.metrics.tunnels.set(static_cast<double>(bench_.tunnels));
  }
  is_counted_ = false;
  phase_ = Phase::idle;
  head_ = nullptr;
  ruling_.service.reset();
}

}  // namespace causeway::router
