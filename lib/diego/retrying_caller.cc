#include "diego/retrying_caller.h"

#include <utility>

#include "base/check.h"

namespace causeway::diego {

namespace {

// A failure that another attempt may cure. A time-out is not: the caller has waited long enough.
bool is_transient(const Error& error) {
  switch (error.fault) {
    case Fault::refused:  // by the other side, or by may_send
    case Fault::unreachable:
    case Fault::reset:
    case Fault::closed:
    case Fault::unavailable:
    case Fault::io:
      return true;
    default:
      return false;
  }
}

rpc::Client::Options http_options(const RetryingCaller::Options& options) {
  rpc::Client::Options http;
  http.identity = options.identity;
  http.may_send = options.may_send;
  return http;
}

}  // namespace

RetryingCaller::RetryingCaller(net::Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)), client_(loop, http_options(options_)) {}

void RetryingCaller::send(rpc::Call call, Twice twice, rpc::Client::OnReply on_reply) {
  const uint64_t id = next_id_++;
  auto pending = std::make_unique<Pending>(loop_);
  call.url = options_.url + call.url;
  call.timeout = options_.timeout;
  pending->call = std::move(call);
  pending->twice = twice;
  pending->on_reply = std::move(on_reply);
  pending->attempts_left = options_.attempts;
  pending_.emplace(id, std::move(pending));
  attempt(id);
}

void RetryingCaller::attempt(uint64_t id) {
  Pending& pending = *pending_.at(id);
  --pending.attempts_left;
  rpc::Call call = pending.attempts_left > 0 ? pending.call : std::move(pending.call);
  client_.send(std::move(call),
               [this, id](Result<rpc::Reply> reply) { replied(id, std::move(reply)); });
}

void RetryingCaller::replied(uint64_t id, Result<rpc::Reply> reply) {
  const auto found = pending_.find(id);
  CHECK(found != pending_.end());
  Pending& pending = *found->second;
  // 503: the service is there, but not ready to serve (a BBS without its lock).
  if (reply && reply->status == 503) {
    reply = Error{.fault = Fault::unavailable,
                  .side = Side::backend,
                  .retry = Retry::always,
                  .detail = "status 503"};
  }
  if (!reply && pending.attempts_left > 0 && is_transient(reply.error()) &&
      (pending.twice == Twice::harmless || reply.error().retry == Retry::always)) {
    pending.pause.once(options_.wait, [this, id] { attempt(id); });
    return;
  }
  rpc::Client::OnReply on_reply = std::move(pending.on_reply);
  pending_.erase(found);
  // Last: the callback may end us.
  on_reply(std::move(reply));
}

}  // namespace causeway::diego
