#include "control/route_emitter/routing_api.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "cf/wire/tcp_route_message.h"
#include "diego/service_url.h"
#include "json/json.h"

namespace causeway::route_emitter {

namespace {

// The Routing API's words: 0 is "not known", -1 "none, on purpose".
constexpr int kNoTlsPort = -1;

// From this one on, refusals of single routes are taken for a Routing API that takes none.
constexpr size_t kRefusalsUnpaced = 15;
// So many answers of 5xx or 409 in a row are taken for one route's fault.
constexpr size_t kFailuresWhole = 3;

bool names_tls_port(const cf::TcpRouteMessage& message, bool tells_tls) {
  return message.tls_port != 0 && (tells_tls || message.port == 0);
}

// What the Routing API tells its rows apart by, and the instance, which it never changes.
auto row_of(const cf::TcpRouteMessage& message, bool tells_tls) {
  const bool is_tls = names_tls_port(message, tells_tls);
  return std::tuple(message.port, is_tls ? int{message.tls_port} : kNoTlsPort,
                    is_tls ? std::string_view(message.private_instance_id) : std::string_view(),
                    std::string_view(message.sni_hostname), message.terminate_frontend_tls,
                    message.enable_backend_mtls);
}

// One entry of the calls' lists.
void write_mapping(json::Writer& writer, const cf::TcpRouteMessage& message, bool tells_tls,
                   int64_t ttl_seconds) {
  const bool is_tls = names_tls_port(message, tells_tls);
  writer.object()
      .member("router_group_guid", std::string_view(message.router_group_guid))
      .member("port", message.external_port)
      .member("backend_ip", std::string_view(message.host))
      .member("backend_port", message.port)
      .member("backend_tls_port", is_tls ? int{message.tls_port} : kNoTlsPort)
      .member("instance_id",
              is_tls ? std::string_view(message.private_instance_id) : std::string_view());
  if (!message.sni_hostname.empty())
    writer.member("backend_sni_hostname", std::string_view(message.sni_hostname));
  if (message.terminate_frontend_tls) writer.member("terminate_frontend_tls", true);
  if (message.enable_backend_mtls) writer.member("enable_backend_mtls", true);
  writer.member("isolation_segment", std::string_view(message.isolation_segment))
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
      retry_wait_(options_.first_wait),
      retry_(loop),
      repeat_timer_(loop),
      client_(loop,
              rpc::Client::Options{.identity = options_.identity, .may_send = options_.may_send}) {
  CHECK(options_.batch_max > 0);
  if (options_.token) token_ = std::make_unique<UaaToken>(loop, *options_.token);
  repeat_timer_.every(options_.repeat_interval, [this] {
    is_repeat_due_ = true;
    go_on();
  });
}

void RoutingApi::say(const Changes& changes) {
  for (const RouteMessage& message : changes.registrations) {
    if (message.route.kind == RouteKind::tcp) create(message, changed_);
  }
  for (const RouteMessage& message : changes.unregistrations) {
    if (message.route.kind == RouteKind::tcp) remove(message);
  }
  go_on();
}

void RoutingApi::repeat_all() {
  is_repeat_due_ = false;
  table_.visit({RouteKind::tcp, RouteKind::tcp}, std::nullopt, SIZE_MAX,
               [this](const RouteMessage& message) {
                 if (!changed_.contains(message.route)) create(message, repeated_);
               });
  for (const auto& [route, mapping] : std::exchange(aside_, {})) put_deletion(route, mapping);
}

// An address that changes hands, or the terms: the Routing API would keep the old row beside the
// new one, or the old instance in it. So that one is deleted before.
void RoutingApi::create(const RouteMessage& message, Routes& queue) {
  const Mapping before = take_deletion(message.route);
  repeated_.erase(message.route);
  queue.insert_or_assign(message.route, message.tcp);
  if (before != nullptr && !is_same_row(*before, *message.tcp))
    replaced_.insert_or_assign(message.route, before);
}

void RoutingApi::remove(const RouteMessage& message) {
  changed_.erase(message.route);
  repeated_.erase(message.route);
  Mapping mapping = take_deletion(message.route);
  if (mapping == nullptr) mapping = message.tcp;
  if (deleting_.size() + aside_.size() >= options_.waiting_removals_max) {
    told_.erase(message.route);
    metrics_.failed_messages.add();
    return;
  }
  // What was said with it goes first, not only what is being said.
  if (deleting_.empty()) {
    last_queue_ = nullptr;
    passes_turn_ = is_calling_;
  }
  deleting_.insert_or_assign(message.route, std::move(mapping));
}

void RoutingApi::put_deletion(const RouteKey& route, const Mapping& mapping) {
  auto creation = changed_.find(route);
  if (creation == changed_.end()) {
    creation = repeated_.find(route);
    if (creation == repeated_.end()) {
      deleting_.try_emplace(route, mapping);
      return;
    }
  }
  if (!is_same_row(*mapping, *creation->second)) replaced_.try_emplace(route, mapping);
}

// What is to be deleted of a route, or would be if it went.
RoutingApi::Mapping RoutingApi::take_deletion(const RouteKey& route) {
  for (Routes* queue : {&replaced_, &deleting_, &aside_}) {
    if (auto found = queue->extract(route)) return found.mapped();
  }
  const auto told = told_.find(route);
  return told == told_.end() ? nullptr : told->second;
}

bool RoutingApi::is_same_row(const cf::TcpRouteMessage& left,
                             const cf::TcpRouteMessage& right) const {
  return row_of(left, options_.tells_tls) == row_of(right, options_.tells_tls);
}

// What must go before something else may come; then changes before repeats, registrations first:
// so a route that moves has no gap. But deletions take turns with them, and none waits for ever.
RoutingApi::Routes* RoutingApi::next_queue() {
  if (!replaced_.empty()) return &replaced_;
  const bool is_turn = last_queue_ == &changed_ || (last_queue_ == &repeated_ && changed_.empty());
  if (is_turn && !deleting_.empty()) return &deleting_;
  for (Routes* queue : {&changed_, &repeated_, &deleting_}) {
    if (!queue->empty()) return queue;
  }
  return nullptr;
}

void RoutingApi::go_on() {
  if (is_calling_ || retry_.is_armed()) return;
  // A round ends before the next one begins: else the last routes would never be repeated.
  if (is_repeat_due_ && repeated_.empty()) repeat_all();
  queue_ = next_queue();
  if (queue_ == nullptr) {
    last_queue_ = nullptr;
    return;
  }
  while (batch_.size() < batch_size_ && !queue_->empty())
    batch_.insert(queue_->extract(queue_->begin()));
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
  for (const auto& [route, mapping] : batch_) {
    write_mapping(writer, *mapping, options_.tells_tls, ttl);
    if (!is_deleting()) told_.insert_or_assign(route, mapping);
  }
  rpc::Call call{
      .url = options_.url + "/routing/v1/tcp_routes/" + (is_deleting() ? "delete" : "create"),
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
  const Error error = diego::unexpected_status(options_.url, *reply);
  if (reply->status == 400) return refuse(error);
  fail(error, reply->status);
}

void RoutingApi::succeed() {
  (is_deleting() ? metrics_.api_deleted : metrics_.api_created).add(batch_.size());
  logger_.debug(is_deleting() ? "successfully-emitted-unregistration-events"
                              : "successfully-emitted-registration-events",
                {{"routes", batch_.size()}});
  is_failing_ = false;
  refused_in_a_row_ = failed_in_a_row_ = 0;
  retry_wait_ = options_.first_wait;
  if (++taken_in_a_row_ >= 2) batch_size_ = std::min(batch_size_ * 2, options_.batch_max);
  forget_deleted();
  end_batch();
  go_on();
}

// One route that it does not take, of a router group that is gone, makes it refuse the whole call.
void RoutingApi::refuse(const Error& error) {
  taken_in_a_row_ = failed_in_a_row_ = 0;
  if (batch_.size() > 1) {
    batch_size_ = batch_.size() / 2;
    put_back();
    return go_on();
  }
  metrics_.api_refused.add();
  if (++refused_in_a_row_ > kRefusalsUnpaced) {
    set_aside();
    return pause(error);
  }
  log_single(error);
  forget_deleted();
  end_batch();
  go_on();
}

void RoutingApi::fail(const Error& error, int status) {
  metrics_.api_failures.add();
  taken_in_a_row_ = 0;
  const bool may_blame_a_route = status / 100 == 5 || status == 409;
  failed_in_a_row_ = may_blame_a_route ? failed_in_a_row_ + 1 : 0;
  if (failed_in_a_row_ < kFailuresWhole) {
    put_back();
  } else if (batch_.size() > 1) {
    batch_size_ = batch_.size() / 2;
    retry_wait_ = options_.first_wait;  // the search goes on
    put_back();
  } else {
    log_single(error);
    set_aside();
  }
  pause(error);
}

void RoutingApi::pause(const Error& error) {
  if (!std::exchange(is_failing_, true)) logger_.error(failure_name(), error);
  retry_.once(retry_wait_, [this] { go_on(); });
  retry_wait_ = std::min(retry_wait_ * 2, options_.wait_max);
}

void RoutingApi::log_single(const Error& error) const {
  logger_.error(failure_name(), error,
                {{"route", batch_.begin()->first.uri}, {"host", batch_.begin()->first.host}});
}

void RoutingApi::forget_deleted() {
  if (!is_deleting()) return;
  for (const auto& [route, mapping] : batch_) {
    const auto told = told_.find(route);
    if (told != told_.end() && told->second == mapping) told_.erase(told);
  }
}

// Nothing of the batch is to be said again soon.
void RoutingApi::end_batch() {
  batch_.clear();
  last_queue_ = std::exchange(passes_turn_, false) ? nullptr : queue_;
  is_calling_ = has_new_token_ = false;
}

// Not before the next round of repeats, which brings creations by itself.
void RoutingApi::set_aside() {
  if (is_deleting()) aside_.merge(batch_);
  end_batch();
}

// What was said of the same route meanwhile knows better.
void RoutingApi::put_back() {
  for (auto& [route, mapping] : std::exchange(batch_, {})) {
    if (is_deleting()) {
      put_deletion(route, mapping);
    } else if (!changed_.contains(route) && !deleting_.contains(route)) {
      queue_->try_emplace(route, mapping);
    }
  }
  is_calling_ = has_new_token_ = false;
}

}  // namespace causeway::route_emitter
