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

// A guide that has not answered in this time is left; others know the same.
constexpr Duration kGuideTimeout = std::chrono::seconds(2);

Error unfit(std::string detail) {
  return {.fault = Fault::unavailable, .side = Side::backend, .detail = std::move(detail)};
}

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
  open_guide();
}

void ClusterAccess::open_guide() {
  Options options = options_;
  options.command_timeout = std::min(options_.command_timeout, kGuideTimeout);
  guide_ = std::make_unique<Pipeline>(loop_, logger_, options,
                                      Pipeline::User{[this](bool up) {
                                                       if (!up) return ask_timer_.disarm();
                                                       ask_guide();
                                                       ask_timer_.every(options_.topology_interval,
                                                                        [this] { ask_guide(); });
                                                     },
                                                     [this] { return asked_ = any_node(); }});
}

size_t ClusterAccess::under_way() const {
  size_t count = waiting_.size();
  for (const auto& [name, node] : nodes_) count += node->under_way();
  return count;
}

// The configured ones, and those that they have named.
std::vector<Node> ClusterAccess::known() const {
  std::vector<Node> nodes = map_.nodes();
  nodes.insert(nodes.end(), options_.nodes.begin(), options_.nodes.end());
  return nodes;
}

Node ClusterAccess::any_node() {
  const auto nodes = known();
  return nodes[next_++ % nodes.size()];
}

void ClusterAccess::ask_guide() {
  if (guide_->under_way() > 0) return;
  is_unfit_ = false;
  guide_->send({"CLUSTER", "INFO"}, [this](const Result<Value>& reply) { take_health(reply); });
  guide_->send({"CLUSTER", "SLOTS"}, [this](const Result<Value>& reply) { take_slots(reply); });
}

// A node that was cut off shows a map of its own for as long as it is: nothing in CLUSTER SLOTS
// tells that it is old.
void ClusterAccess::take_health(const Result<Value>& reply) {
  // Not allowed to ask (+cluster|info): then any map has to do.
  if (!reply && reply.error().detail.starts_with("NOPERM")) return;
  if (!guide_->is_ready()) return;
  is_unfit_ = true;
  if (!reply) return leave_guide(reply.error());
  const ClusterHealth health = parse_cluster_health(reply->text);
  if (!health.is_ok) return leave_guide(unfit("as it sees the cluster, slots are not served"));
  if (health.epoch < epoch_seen_) {
    leave_guide(unfit("it knows less than another node"));
    // Nobody knows as much as that any more: the cluster was made anew.
    const auto nodes = known();
    if (std::all_of(nodes.begin(), nodes.end(),
                    [this](const Node& each) { return left_.contains(name_of(each)); }))
      epoch_seen_ = 0;
    return;
  }
  epoch_seen_ = health.epoch;
  is_unfit_ = false;
  left_.clear();
}

void ClusterAccess::leave_guide(const Error& error) {
  left_.insert(name_of(asked_));
  guide_->leave(error);
}

void ClusterAccess::take_slots(const Result<Value>& reply) {
  if (is_unfit_ || !guide_->is_ready()) return;
  if (!reply) return guide_->leave(reply.error());  // another one may know it
  auto map = SlotMap::parse(*reply, asked_.host);
  if (!map) return guide_->leave(map.error());
  guide_->trust();
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
  auto on_reply = [this, place = Place{name_of(pipeline.node()), pipeline.link()},
                   from = pipeline.node(), trip = std::move(trip)](Result<Value> reply) mutable {
    take(std::move(trip), from, place, std::move(reply));
  };
  if (script == nullptr) return pipeline.send(args, std::move(on_reply));
  pipeline.eval(*script, args, std::move(on_reply));
}

Result<void> ClusterAccess::send_at(const Place& place, const std::vector<std::string>& args,
                                    const OnReply& on_reply) {
  const auto found = nodes_.find(place.server);
  if (found == nodes_.end() || !found->second->is_ready() || found->second->link() != place.link)
    return link_has_gone();
  found->second->send(args, on_reply);
  return {};
}

void ClusterAccess::take(Trip trip, const Node& from, const Place& place, Result<Value> reply) {
  if (reply || trip.redirects >= kRedirectsMax)
    return trip.request.on_reply(std::move(reply), place);
  const std::string& text = reply.error().detail;
  if (text.starts_with("TRYAGAIN")) return later(std::move(trip));
  auto redirect = parse_redirect(text);
  if (!redirect) return trip.request.on_reply(std::move(reply), place);
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
                                       .detail = "the cluster has not settled"},
                                 {});
  }
  waiting_.push_back(std::move(trip));
  if (retry_timer_.is_armed()) return;
  retry_timer_.once(kSettleWait, [this] {
    for (Trip& each : std::exchange(waiting_, {})) start(std::move(each));
  });
}

}  // namespace causeway::redis
