// What becomes of an exchange whose attempt has failed: another attempt, or an error reply.
#include <algorithm>
#include <string>

#include "base/check.h"
#include "json/json.h"
#include "router/proxy/exchange.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

double in_seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

// "route-endpoint" of log lines, with the members that tools look for.
std::string described(const Endpoint& endpoint) {
  json::Writer text;
  text.object().member("ApplicationId", endpoint.app_id());
  text.member("Addr", endpoint.authority()).key("Tags").object();
  endpoint.for_each_tag(
      [&text](std::string_view name, std::string_view value) { text.member(name, value); });
  text.end().member("RouteServiceUrl", endpoint.route_service_url());
  text.member("AZ", endpoint.availability_zone()).end();
  return text.take();
}

}  // namespace

uint32_t Exchange::attempts_max() const {
  return std::max(
      ruling_.service != nullptr ? settings().route_services.max_attempts : settings().max_attempts,
      1u);
}

bool Exchange::may_try_again(Failure failure) const {
  const FailureRow& row = failure_row(failure);
  if (attempts_ >= attempts_max()) return false;
  if (body_was_told_ || reply_head_is_sent_ || attempt_.reply_has_begun()) return false;
  return row.again == Again::always || (row.again == Again::if_replayable && is_replayable());
}

void Exchange::log_failed_attempt(const FailureRow& row) const {
  const Attempt& attempt = attempt_;
  const bool may_again =
      row.again == Again::always || (row.again == Again::if_replayable && is_replayable());
  const std::string endpoint = described(attempt.endpoint());
  bench_.logger.error(
      "backend-endpoint-failed",
      {{"error", row.text},
       {"fault", row.name},
       {"retriable", may_again},
       {"attempt", attempts_},
       {"vcap_request_id", ruling_.request_id},
       log::Field::optional("trace-id", ruling_.trace_id),
       log::Field::optional("span-id", span_id()),
       {"num-endpoints", ruling_.service != nullptr ? size_t{1} : ruling_.pool->size()},
       {"got-connection", attempt.has_connection()},
       {"wrote-headers", attempt.has_sent()},
       {"conn-reused", attempt.was_reused()},
       {"dns-lookup-time", in_seconds(attempt.lookup_time())},
       {"dial-time", in_seconds(attempt.dial_time())},
       {"tls-handshake-time", in_seconds(attempt.tls_time())},
       {"local-address", attempt.local_address()},
       log::Field::json("route-endpoint", endpoint)});
}

// What the table says of the endpoint's future (section 5).
void Exchange::mark_endpoint(const FailureRow& row) {
  if (!row.marks_failed || ruling_.service != nullptr) return;
  const Endpoint& endpoint = attempt_.endpoint();
  bench_.balancer.mark_failed(endpoint.id(), bench_.loop.now());
  if (row.proves_wrong && endpoint.is_tls() && bench_.on_failed_endpoint != nullptr)
    return bench_.on_failed_endpoint(
        {.route_key = std::string(ruling_.pool->key()), .endpoint = endpoint.id()});
  bench_.logger.error("endpoint-marked-as-ineligible",
                      {log::Field::json("route-endpoint", described(endpoint)),
                       {"error", row.text},
                       {"vcap_request_id", ruling_.request_id}});
}

void Exchange::note_failed_attempt(Failure failure) {
  const FailureRow& row = failure_row(failure);
  attempt_failed_at_ = std::max(bench_.loop.now(), backend_started_at_);
  ++record_.failed_attempts;
  record_.failed_attempts_seconds = in_seconds(attempt_failed_at_ - backend_started_at_);
  log_failed_attempt(row);
  mark_endpoint(row);
}

void Exchange::on_attempt_failed() {
  const Failure failure = attempt_.failure();
  request_relay_.end();
  if (reply_head_is_sent_) return cut(Failure::broken_body);
  if (!body_was_told_ && attempt_.may_replay(is_replayable())) {
    bench_.metrics.backend_replays.add();
    const Endpoint& endpoint = attempt_.endpoint();
    return try_endpoint(endpoint, Attempt::Reuse::never);
  }
  note_failed_attempt(failure);
  if (!may_try_again(failure)) return fail(failure);
  choose();
}

void Exchange::on_deadline() {
  if (reply_head_is_sent_) return cut(Failure::endpoint_timeout);
  note_failed_attempt(Failure::endpoint_timeout);
  fail(Failure::endpoint_timeout);
}

void Exchange::count_failure(Failure failure) {
  ProxyMetrics& metrics = bench_.metrics;
  switch (failure) {
    case Failure::tls_wrong_name:
      return metrics.backend_invalid_id.add();
    case Failure::tls_untrusted:
    case Failure::tls_certificate_refused:
      return metrics.backend_invalid_tls_cert.add();
    case Failure::tls_handshake_failed:
      return metrics.backend_tls_handshake_failed.add();
    default:
      return metrics.bad_gateways.add();
  }
}

void Exchange::fail(Failure failure) {
  const FailureRow& row = failure_row(failure);
  CHECK(row.status != 0);
  if (attempts_ > 0) {
    note_backend(row.status);
    count_response(row.status);
  }
  count_failure(failure);
  if (head_->upgrade) bench_.metrics.websocket_failures.add();
  std::string error("endpoint_failure (");
  error.append(row.text).append(")");
  RouterReply answer{.status = row.status, .router_error = error, .is_templated = false};
  if (row.body.empty()) {
    answer.message = "Registered endpoint failed to handle the request.";
  } else {
    answer.body = row.body;
  }
  reply(answer);
}

}  // namespace causeway::router
