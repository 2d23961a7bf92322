#include "router/proxy/exchange.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/check.h"
#include "router/proxy/head_writer.h"
#include "router/rules/request_rules.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// What is left of a request body is read and thrown away to keep the connection, up to this much;
// beyond, closing is cheaper.
constexpr uint64_t discarded_body_bytes_max = 64u << 10;

}  // namespace

Exchange::Exchange(Requester& client, Workbench& bench)
    : client_(client), bench_(bench), attempt_(*this, bench), tunnel_(*this, bench) {}

Exchange::~Exchange() { CHECK(is_idle()); }

const Settings& Exchange::settings() const {
  return settings_pin_.is_held() ? settings_pin_.settings() : bench_.settings;
}

const RouteTable& Exchange::pin_table() {
  pin_ = bench_.routes.pin();
  return pin_.table();
}

void Exchange::begin(http::RequestHead& head) {
  CHECK(is_idle());
  phase_ = Phase::ruling;
  settings_pin_ = bench_.settings_history.pin();
  head_ = &head;
  ruling_ = {};
  if (bench_.tracer.is_on()) ruling_.trace_id = bench_.tracer.trace(head.headers, arena());
  facts_ = find_request_facts(head, arena());
  attempts_ = 0;
  component_ = nullptr;
  http_latency_ = nullptr;
  is_logged_ = is_counted_ = true;
  body_was_told_ = request_is_whole_ = reply_head_is_sent_ = reply_is_whole_ = false;
  keeps_client_ = is_upgrading_ = closes_delimited_ = false;
  started_at_ = bench_.loop.now();
  backend_started_at_ = attempt_failed_at_ = {};
  ++bench_.exchanges;

  record_ = {};
  record_.started_unix_ns = bench_.unix_ns();
  record_.host = facts_.authority;
  record_.method = head.method;
  record_.target = head.target;
  record_.http10 = is_http10();
  record_.http2 = head.version.major == 2;
  record_.client = client_.client_authority();
  if (client_.facts().is_tls()) record_.tls_sni = client_.facts().tls->server_name;
  record_.referer = facts_.referer;
  record_.user_agent = facts_.user_agent;
  if (run_request_rules(*this) == Verdict::proceed) choose();
}

bool Exchange::is_replayable() const {
  const bool has_body = head_->framing == http::Framing::chunked ||
                        (head_->framing == http::Framing::length && head_->content_length > 0);
  return facts_.is_idempotent && !has_body;
}

Attempt::Reuse Exchange::reuse() const {
  // What can be sent again may meet a dead connection; for the rest the socket is looked at first.
  return is_replayable() ? Attempt::Reuse::any : Attempt::Reuse::quiet_ones;
}

bool Exchange::was_tried(const Endpoint& endpoint) const {
  const size_t known = std::min<size_t>(attempts_, tried_.size());
  return std::find(tried_.begin(), tried_.begin() + static_cast<ptrdiff_t>(known), endpoint.id()) !=
         tried_.begin() + static_cast<ptrdiff_t>(known);
}

const Endpoint* Exchange::pick_endpoint() {
  if (ruling_.service != nullptr) return ruling_.service.get();
  Balancer::Wish wish;
  wish.filter = ruling_.filter;
  if (ruling_.service_leg != ServiceLeg::to_service) {
    wish.sticky_id = ruling_.sticky_id;
    wish.sticky_or_nothing = ruling_.must_be_sticky;
  }
  wish.attempt = attempts_ + 1;
  wish.tried = std::span(tried_).first(std::min<size_t>(attempts_, tried_.size()));
  if (const std::string_view name = ruling_.pool->hash_header(); !name.empty())
    wish.hash_key = head_->headers.get(name);
  const Endpoint* endpoint = bench_.balancer.pick(*ruling_.pool, wish, bench_.loop.now());
  // Everybody had a turn: the same one would fail again.
  if (endpoint != nullptr && attempts_ >= ruling_.pool->size() && was_tried(*endpoint))
    return nullptr;
  return endpoint;
}

void Exchange::choose() {
  if (backend_started_at_ == Instant{}) backend_started_at_ = std::chrono::steady_clock::now();
  const Endpoint* endpoint = pick_endpoint();
  if (endpoint == nullptr) return fail(attempts_ == 0 ? Failure::no_endpoint : attempt_.failure());
  if (attempts_ > 0) bench_.metrics.backend_retries.add();
  tried_[attempts_++ % tried_.size()] = endpoint->id();
  try_endpoint(*endpoint, reuse());
}

void Exchange::try_endpoint(const Endpoint& endpoint, Attempt::Reuse reuse) {
  // A WebSocket's backend has all the time its client has (section 11).
  if (!facts_.is_websocket()) {
    (record_.http2 ? bench_.http2_endpoint_answers : bench_.endpoint_answers).arm(*this);
  }
  // A service outside of the table has no route.
  const std::string_view route_key =
      ruling_.service != nullptr ? std::string_view() : ruling_.pool->key();
  switch (attempt_.start(route_key, endpoint, reuse)) {
    case Attempt::Start::ready:
      return send_request();
    case Attempt::Start::waiting:
      phase_ = Phase::connecting;
      return client_.hold_body();
    case Attempt::Start::refused:
      // At most max_attempts deep.
      return on_attempt_failed();
  }
}

void Exchange::on_attempt_ready() { send_request(); }

void Exchange::send_request() {
  phase_ = Phase::relaying;
  request_relay_.begin(client_, attempt_.begin_request());
  // Head and what there is of the body leave together, in on_feed_done().
  if (!client_.is_feeding()) client_.resume_feeding();
}

void Exchange::on_request_body(std::string_view bytes) {
  record_.received_bytes += bytes.size();
  if (phase_ != Phase::relaying || !request_relay_.is_active()) return;
  body_was_told_ = true;
  request_relay_.add_body(bytes);
}

void Exchange::on_request_end(const http::Headers& trailers) {
  request_is_whole_ = true;
  if (phase_ == Phase::relaying && request_relay_.is_active()) {
    if (head_->framing == http::Framing::chunked) body_was_told_ = true;
    request_relay_.add_end(trailers);
  }
}

void Exchange::on_feed_done() {
  if (phase_ == Phase::relaying) return request_relay_.flush();
  if (phase_ == Phase::replied && (request_is_whole_ || !keeps_client_)) finish();
}

bool Exchange::may_keep_client() const {
  return head_->keep_alive && !bench_.is_draining && !client_.has_ended();
}

// As gorouter: not for the everyday 404, nor for what a backend did.
void Exchange::log_reply(const RouterReply& reply) const {
  if (!reply.is_templated || reply.message.empty() || reply.status == 404 ||
      !bench_.logger.enabled(log::Level::info))
    return;
  std::string body = std::to_string(reply.status);
  body.append(" ").append(http::reason_phrase(reply.status)).append(": ").append(reply.message);
  bench_.logger.info("status", {{"body", body},
                                log::Field::optional("trace-id", ruling_.trace_id),
                                log::Field::optional("span-id", span_id())});
}

// Of this hop, when the request is traced.
std::string_view Exchange::span_id() const {
  if (ruling_.trace_id.empty()) return {};
  const std::string_view b3 = head_->headers.get("x-b3-spanid");
  // 00-TRACE-SPAN-FLAGS
  constexpr size_t span_begin = 3 + kTraceDigits + 1;
  const std::string_view parent = head_->headers.get("traceparent");
  return !b3.empty() || parent.size() < span_begin + kSpanDigits
             ? b3
             : parent.substr(span_begin, kSpanDigits);
}

void Exchange::reply(const RouterReply& reply) {
  CHECK(!reply_head_is_sent_);
  call_off();
  request_relay_.end();
  attempt_.end();
  const bool has_cheap_rest = head_->framing == http::Framing::length && !head_->expect_continue &&
                              head_->content_length <= discarded_body_bytes_max;
  keeps_client_ = may_keep_client() && !reply.closes &&
                  (request_is_whole_ || head_->framing == http::Framing::none || has_cheap_rest);
  record_.status = reply.status;
  record_.router_error = arena().copy(reply.router_error);
  log_reply(reply);
  client_.send_reply(*this, reply, keeps_client_);
  release_route();
  reply_head_is_sent_ = reply_is_whole_ = true;
  phase_ = Phase::replied;
  if (!client_.is_feeding()) client_.resume_feeding();
}

}  // namespace causeway::router
