#include "redis/cluster_access.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::redis {

namespace {

// A slot that moves sends a request on once or twice; more is a cluster that has not settled.
constexpr int kRedirectsMax = 16;
constexpr Duration kSettleWait = std::chrono::milliseconds(50);

std::string name_of(const Node& node) { return node.host + ":" + std::to_string(node.port); }

}  // namespace

ClusterAccess::ClusterAccess(net::Loop& loop, const log::Logger& logger, const Options& options,
                             OnLink on_link)
    : loop_(loop),
      logger_(logger),
      options_(options),
      on_link_(std::move(on_link)),
      ask_timer_(loop),
      retry_timer_(loop) {
  CHECK(!options_.nodes.empty());
  guide_ = std::make_unique<Pipeline>(
      loop_, logger_, options_,
      Pipeline::User{[this](bool up) {
                       if (!up) return ask_timer_.disarm();
                       ask_for_slots();
                       ask_timer_.every(options_.topology_interval, [this] { ask_for_slots(); });
                     },
                     [this] { return asked_ = any_node(); }});
}

size_t ClusterAccess::under_way() const {
  size_t count = waiting_.size();
  for (const auto& [name, node] : nodes_) count += node->under_way();
  return count;
}

// The configured ones, and those that they have named.
Node ClusterAccess::any_node() {
  std::vector<Node> known = map_.nodes();
  known.insert(known.end(), options_.nodes.begin(), options_.nodes.end());
  return known[next_++ % known.size()];
}

void ClusterAccess::ask_for_slots() {
  if (guide_->under_way() > 0) return;
  guide_->send({"CLUSTER", "SLOTS"}, [this](const Result<Value>& reply) {
    if (reply) return take_slots(*reply);
    if (guide_->is_ready()) guide_->fail(reply.error());  // another one may know it
  });
}

void ClusterAccess::take_slots(const Value& reply) {
  auto map = SlotMap::parse(reply, asked_.host);
  if (!map) return guide_->fail(map.error());
  if (*map == map_) return;
  map_ = std::move(*map);
  logger_.info("cluster-map", {{"nodes", map_.nodes().size()}, {"complete", map_.is_complete()}});
  follow_map();
}

// Opens what is missing and ends what serves nothing any more.
void ClusterAccess::follow_map() {
  const auto serving = map_.nodes();
  for (const Node& each : serving) node(each);
  for (auto at = nodes_.begin(); at != nodes_.end();) {
    const bool serves = std::any_of(serving.begin(), serving.end(),
                                    [&](const Node& each) { return name_of(each) == at->first; });
    // Idle ones only: what is under way is still answered, or redirected.
    if (serves || at->second->under_way() > 0) {
      ++at;
      continue;
    }
    loop_.bury(std::move(at->second));
    at = nodes_.erase(at);
  }
  look();
}

Pipeline& ClusterAccess::node(const Node& node) {
  auto& pipeline = nodes_[name_of(node)];
  if (pipeline == nullptr) {
    pipeline = std::make_unique<Pipeline>(
        loop_, logger_, options_,
        Pipeline::User{[this](bool) { look(); }, [node] { return node; }});
  }
  return *pipeline;
}

void ClusterAccess::look() {
  const auto serving = map_.nodes();
  const bool ready =
      map_.is_complete() && std::all_of(serving.begin(), serving.end(), [&](const Node& each) {
        const auto found = nodes_.find(name_of(each));
        return found != nodes_.end() && found->second->is_ready();
      });
  if (std::exchange(ready_, ready) != ready) on_link_(ready);
}

void ClusterAccess::send(Request request) { start({std::move(request)}); }

void ClusterAccess::start(Trip trip) {
  const Node* at = map_.node_of(slot_of(trip.request.key));
  if (at == nullptr) return later(std::move(trip));
  Pipeline& pipeline = node(*at);
  if (!pipeline.is_ready()) return later(std::move(trip));
  go(pipeline, std::move(trip), false);
}

void ClusterAccess::go(Pipeline& pipeline, Trip trip, bool asking) {
  if (asking) pipeline.send({"ASKING"}, [](const Result<Value>&) {});
  const Script* script = trip.request.script;
  const Pipeline::Args args = trip.request.args;
  const Node* at = map_.node_of(slot_of(trip.request.key));
  auto on_reply = [this, from = at == nullptr ? Node{} : *at,
                   trip = std::move(trip)](Result<Value> reply) mutable {
    take(std::move(trip), from, std::move(reply));
  };
  if (script == nullptr) return pipeline.send(args, std::move(on_reply));
  pipeline.eval(*script, args, std::move(on_reply));
}

void ClusterAccess::take(Trip trip, const Node& from, Result<Value> reply) {
  if (reply || trip.redirects >= kRedirectsMax) return trip.request.on_reply(std::move(reply));
  const std::string& text = reply.error().detail;
  if (text.starts_with("TRYAGAIN")) return later(std::move(trip));
  auto redirect = parse_redirect(text);
  if (!redirect) return trip.request.on_reply(std::move(reply));
  ++trip.redirects;
  if (redirect->node.host.empty()) redirect->node.host = from.host;
  Pipeline& pipeline = node(redirect->node);
  if (!redirect->is_ask) {
    map_.move(redirect->slot, redirect->node);
    look();
  }
  if (!pipeline.is_ready()) return later(std::move(trip));
  go(pipeline, std::move(trip), redirect->is_ask);
}

// The request was not carried out: another attempt is safe.
void ClusterAccess::later(Trip trip) {
  if (++trip.redirects > kRedirectsMax) {
    return trip.request.on_reply(Error{.fault = Fault::unavailable,
                                       .side = Side::backend,
                                       .retry = Retry::always,
                                       .detail = "the cluster has not settled"});
  }
  waiting_.push_back(std::move(trip));
  if (retry_timer_.is_armed()) return;
  retry_timer_.once(kSettleWait, [this] {
    for (Trip& each : std::exchange(waiting_, {})) start(std::move(each));
  });
}

}  // namespace causeway::redis
