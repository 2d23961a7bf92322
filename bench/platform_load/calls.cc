#include "bench/platform_load/calls.h"

#include <utility>

#include "cf/models/models.h"

namespace causeway::platform {
namespace {

constexpr size_t reply_bytes_max = size_t{2} << 30;

constexpr std::array<OperationFacts, operations> table{{
    {"desire LRP", "/v1/desired_lrp/desire.r2", 119, 127, 281},
    {"claim", "/v1/actual_lrps/claim", 600, 24, 82},
    {"start", "/v1/actual_lrps/start.r1", 490, 29, 93},
    {"heart-beat", "/v1/actual_lrps/start.r1", 697, 18, 111},
    {"route flip", "/v1/actual_lrps/start.r1", 0, 0, 0},
    {"crash", "/v1/actual_lrps/crash", 0, 0, 0},
    {"desired LRP by guid", "/v1/desired_lrps/get_by_process_guid.r3", 1328, 9, 59},
    {"LRPs of a cell", "/v1/actual_lrps/list", 364, 47, 135},
    {"all actual LRPs", "/v1/actual_lrps/list", 0, 52, 62},
    {"all scheduling infos", "/v1/desired_lrp_scheduling_infos/list", 0, 59, 73},
    {"all routing infos", "/v1/desired_lrp_routing_infos/list", 0, 0, 0},
    {"all desired LRPs", "/v1/desired_lrps/list.r3", 0, 147, 166},
    {"remove actual LRP", "/v1/actual_lrps/remove", 674, 19, 89},
    {"remove desired LRP", "/v1/desired_lrp/remove", 488, 26, 129},
    {"desire task", "/v1/tasks/desire.r2", 152, 96, 285},
    {"start task", "/v1/tasks/start", 803, 17, 58},
    {"complete task", "/v1/tasks/complete", 749, 18, 63},
    {"resolve task", "/v1/tasks/resolving", 0, 0, 0},
    {"delete task", "/v1/tasks/delete", 448, 31, 107},
}};

rpc::Client::Options client_options(rpc::Identity* identity) {
  rpc::Client::Options options;
  // Waiting is done here, where it can be told from being served.
  options.connections_per_host_max = 4096;
  options.identity = identity;
  return options;
}

// Every answer of the bbs has its error, if there is one, as field 1, and fields come in order.
Result<std::string> checked(Result<rpc::Reply> reply) {
  if (!reply) return std::move(reply.error());
  if (reply->status != 200)
    return Error{.fault = Fault::internal, .detail = "status " + std::to_string(reply->status)};
  constexpr char error_tag = 0x0a;
  if (!reply->body.empty() && reply->body.front() == error_tag) {
    models::ActualLRPLifecycleResponse response;
    if (!cf::decode(reply->body, response))
      return Error{.fault = Fault::invalid, .detail = "a reply that is no message"};
    return Error{
        .fault = Fault::conflict,
        .detail = std::to_string(response.error().type()) + " " + response.error().message()};
  }
  return std::move(reply->body);
}

}  // namespace

const OperationFacts& facts_of(Operation operation) {
  return table[static_cast<size_t>(operation)];
}

Calls::Calls(net::Loop& loop, std::string bbs_url, size_t at_once, Duration timeout,
             rpc::Identity* identity)
    : bbs_url_(std::move(bbs_url)),
      at_once_(at_once),
      timeout_(timeout),
      client_(loop, client_options(identity)) {}

void Calls::forget() { tallies_ = {}; }

void Calls::add(Operation operation, Body body, OnReply on_reply) {
  waiting_.push_back({operation, std::move(body), std::move(on_reply)});
  pump();
}

void Calls::pump() {
  if (std::exchange(is_pumping_, true)) return;
  while (in_flight_ < at_once_ && !waiting_.empty()) {
    Call next = std::move(waiting_.front());
    waiting_.pop_front();
    send(std::move(next));
  }
  is_pumping_ = false;
}

void Calls::send(Call call) {
  ++in_flight_;
  rpc::Call request{.url = bbs_url_ + facts_of(call.operation).path,
                    .body = call.body ? call.body() : std::string(),
                    .timeout = timeout_,
                    .body_bytes_max = reply_bytes_max};
  const Instant sent = std::chrono::steady_clock::now();
  OperationTally& tally = tallies_[static_cast<size_t>(call.operation)];
  if (tally.first_sent == Instant{}) tally.first_sent = sent;
  client_.send(std::move(request), [this, sent, operation = call.operation,
                                    on_reply = std::move(call.on_reply)](Result<rpc::Reply> reply) {
    const Instant now = std::chrono::steady_clock::now();
    --in_flight_;
    auto body = checked(std::move(reply));
    OperationTally& of = tallies_[static_cast<size_t>(operation)];
    of.last_done = now;
    if (body) {
      of.latency.record(static_cast<uint64_t>((now - sent).count()));
      of.bytes += body->size();
    } else {
      if (of.failures++ == 0)
        of.example = body.error().detail.empty() ? to_string(body.error()) : body.error().detail;
    }
    if (on_sample_) on_sample_(operation, sent, now - sent);
    if (on_reply) on_reply(body);
    pump();
  });
}

}  // namespace causeway::platform
