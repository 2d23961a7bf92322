#include "control/route_emitter/routing_api.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "cf/wire/tcp_route_message.h"
#include "diego/service_url.h"
#include "json/json.h"

namespace causeway::route_emitter {

namespace {

// The Routing API's words: 0 is "not known", -1 "none, on purpose".
constexpr int kNoTlsPort = -1;

// One entry of the calls' lists. `payload`: as said over NATS.
void write_mapping(json::Writer& writer, const std::string& payload, bool tells_tls,
                   int64_t ttl_seconds) {
  const auto message = cf::parse_tcp_route_message(payload);
  CHECK(message.has_value());  // our own
  const bool is_tls = message->tls_port != 0 && (tells_tls || message->port == 0);
  writer.object()
      .member("router_group_guid", std::string_view(message->router_group_guid))
      .member("port", message->external_port)
      .member("backend_ip", std::string_view(message->host))
      .member("backend_port", message->port)
      .member("backend_tls_port", is_tls ? int{message->tls_port} : kNoTlsPort)
      .member("instance_id",
              is_tls ? std::string_view(message->private_instance_id) : std::string_view());
  if (!message->sni_hostname.empty())
    writer.member("backend_sni_hostname", std::string_view(message->sni_hostname));
  writer.member("isolation_segment", std::string_view(message->isolation_segment))
      .member("ttl", ttl_seconds)
      .end();
}

}  // namespace

RoutingApi::RoutingApi(net::Loop& loop, const log::Logger& logger, Options options,
                       const RoutingTable& table, EmitterMetrics& metrics)
    : logger_(logger.session("routing-api-emitter")),
      options_(std::move(options)),
      table_(table),
      metrics_(metrics),
      batch_size_(options_.batch_max),
      wait_(options_.first_wait),
      pause_(loop),
      repeat_(loop),
      client_(loop,
              rpc::Client::Options{.identity = options_.identity, .may_send = options_.may_send}) {
  CHECK(options_.batch_max > 0);
  if (options_.token) token_ = std::make_unique<UaaToken>(loop, *options_.token);
  repeat_.every(options_.repeat_interval, [this] { repeat_all(); });
}

void RoutingApi::say(const Changes& changes) {
  for (const RouteMessage& message : changes.registrations) {
    if (message.route.kind != RouteKind::tcp) continue;
    deleting_.erase(message.route);
    creating_.insert_or_assign(message.route, message.payload);
  }
  for (const RouteMessage& message : changes.unregistrations) {
    if (message.route.kind != RouteKind::tcp) continue;
    creating_.erase(message.route);
    if (deleting_.size() >= options_.waiting_removals_max) {
      metrics_.failed_messages.add();
      continue;
    }
    deleting_.insert_or_assign(message.route, message.payload);
  }
  go_on();
}

void RoutingApi::repeat_all() {
  table_.visit({RouteKind::tcp, RouteKind::tcp}, std::nullopt, SIZE_MAX,
               [this](const RouteMessage& message) {
                 creating_.insert_or_assign(message.route, message.payload);
               });
  go_on();
}

void RoutingApi::go_on() {
  if (is_calling_ || pause_.is_armed()) return;
  // Registrations first: so a route that moves has no gap.
  is_deleting_ = creating_.empty();
  Routes& waiting = is_deleting_ ? deleting_ : creating_;
  if (waiting.empty()) return;
  while (batch_.size() < batch_size_ && !waiting.empty())
    batch_.insert(waiting.extract(waiting.begin()));
  is_calling_ = true;
  if (token_ != nullptr) {
    token_->get([this](const Result<std::string>& token) { send(token); });
  } else {
    send(std::string());
  }
}

void RoutingApi::send(const Result<std::string>& token) {
  if (!token) return fail(token.error());
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(options_.ttl).count();
  json::Writer writer;
  writer.array();
  for (const auto& [route, payload] : batch_)
    write_mapping(writer, payload, options_.tells_tls, ttl);
  rpc::Call call{
      .url = options_.url + "/routing/v1/tcp_routes/" + (is_deleting_ ? "delete" : "create"),
      .headers = {{"Content-Type", "application/json"}},
      .body = writer.end().take(),
      .timeout = options_.call_timeout};
  if (!token->empty()) call.headers.emplace_back("Authorization", "bearer " + *token);
  client_.send(std::move(call), [this](Result<rpc::Reply> reply) { replied(std::move(reply)); });
}

void RoutingApi::replied(Result<rpc::Reply> reply) {
  if (!reply) return fail(reply.error());
  if (reply->status / 100 == 2) return succeed();
  if (reply->status == 401 && token_ != nullptr) {
    token_->forget();
    // Keys are rotated: once at once with a new one.
    if (!std::exchange(has_new_token_, true)) {
      return token_->get([this](const Result<std::string>& token) { send(token); });
    }
  }
  if (reply->status == 400 || reply->status == 404) return refuse(*reply);
  fail(diego::unexpected_status(options_.url, *reply));
}

void RoutingApi::succeed() {
  (is_deleting_ ? metrics_.api_deleted : metrics_.api_created).add(batch_.size());
  logger_.debug(is_deleting_ ? "successfully-emitted-unregistration-events"
                             : "successfully-emitted-registration-events",
                {{"routes", batch_.size()}});
  batch_.clear();
  is_calling_ = has_new_token_ = is_failing_ = false;
  wait_ = options_.first_wait;
  batch_size_ = std::min(batch_size_ * 2, options_.batch_max);
  go_on();
}

// One route that it does not take, of a router group that is gone, makes it refuse the whole call.
void RoutingApi::refuse(const rpc::Reply& reply) {
  if (batch_.size() > 1) {
    batch_size_ = batch_.size() / 2;
    put_back();
  } else {
    metrics_.api_refused.add();
    logger_.error(is_deleting_ ? "unable-to-delete" : "unable-to-upsert",
                  diego::unexpected_status(options_.url, reply),
                  {{"route", batch_.begin()->first.uri}, {"host", batch_.begin()->first.host}});
    batch_.clear();
  }
  is_calling_ = has_new_token_ = false;
  go_on();
}

void RoutingApi::fail(const Error& error) {
  metrics_.api_failures.add();
  if (!std::exchange(is_failing_, true))
    logger_.error(is_deleting_ ? "unable-to-delete" : "unable-to-upsert", error);
  put_back();
  is_calling_ = has_new_token_ = false;
  pause_.once(wait_, [this] { go_on(); });
  wait_ = std::min(wait_ * 2, options_.wait_max);
}

// What was said of the same route meanwhile knows better.
void RoutingApi::put_back() {
  Routes& waiting = is_deleting_ ? deleting_ : creating_;
  const Routes& other = is_deleting_ ? creating_ : deleting_;
  for (auto& [route, payload] : std::exchange(batch_, {})) {
    if (!other.contains(route)) waiting.try_emplace(route, payload);
  }
}

}  // namespace causeway::route_emitter
