#include "router/backend/backend_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/loop.h"
#include "router/route/route_table.h"

namespace causeway::router {
namespace {

bool has_endpoint(const Pool* pool, EndpointId id) {
  if (pool == nullptr) return false;
  const auto endpoints = pool->endpoints();
  return std::any_of(endpoints.begin(), endpoints.end(),
                     [id](const auto& each) { return each->id() == id; });
}

}  // namespace

BackendLease::BackendLease(BackendPool& pool, std::unique_ptr<BackendConnection> connection)
    : pool_(&pool), connection_(std::move(connection)) {}

BackendLease::BackendLease(BackendLease&& other) noexcept
    : pool_(other.pool_), connection_(std::move(other.connection_)) {}

BackendLease& BackendLease::operator=(BackendLease&& other) noexcept {
  if (this != &other) {
    give_back();
    pool_ = other.pool_;
    connection_ = std::move(other.connection_);
  }
  return *this;
}

void BackendLease::give_back() {
  if (connection_) pool_->put_back(std::move(connection_));
}

void BackendLease::drop() {
  if (connection_) pool_->end(std::move(connection_));
}

BackendPool::BackendPool(net::Loop& loop, const Http2Connection::Times& times,
                         ArenaBlocks& arena_blocks, http2::Memory& memory, ProxyMetrics& metrics,
                         Options options)
    : loop_(loop),
      idle_deadlines_(times.idle),
      arena_blocks_(arena_blocks),
      metrics_(metrics),
      options_(options),
      http2_(*this, loop, times, arena_blocks, memory, options_.http2) {}

void BackendPool::use(const Options& options) {
  const Dial::Options& dial = options.http2.dial;
  if (dial.tls != options_.http2.dial.tls) {
    // What was agreed upon as somebody else is not used for further requests.
    ++identity_;
    for (auto& [id, shelf] : shelves_) close_idle(shelf);
    if (dial.sessions != nullptr) dial.sessions->clear();
  }
  options_ = options;
  http2_.use(options.http2);
}

BackendPool::~BackendPool() {
  close_all();
  CHECK(connections_ == 0);
}

void BackendPool::show() {
  metrics_.backend_connections.set(static_cast<double>(connections_ + http2_.connections()));
  metrics_.backend_connections_idle.set(static_cast<double>(idle()));
}

BackendLease BackendPool::take_idle(const Endpoint& endpoint, Check check) {
  const auto found = shelves_.find(endpoint.id());
  if (found == shelves_.end()) return {};
  Shelf& shelf = found->second;
  while (!shelf.idle.empty()) {
    std::unique_ptr<BackendConnection> connection = std::move(shelf.idle.back());
    shelf.idle.pop_back();
    --idle_;
    if (check == Check::quiet && !connection->is_quiet()) {
      end(std::move(connection));
      continue;
    }
    metrics_.backend_connections_idle.set(static_cast<double>(idle()));
    return {*this, std::move(connection)};
  }
  return {};
}

BackendLease BackendPool::adopt(EndpointId endpoint, std::string_view route_key,
                                std::unique_ptr<net::Stream> stream) {
  Shelf& shelf = shelves_[endpoint];
  if (shelf.route_key != route_key) shelf.route_key = route_key;
  shelf.has_departed = false;
  ++shelf.open;
  ++connections_;
  show();
  return {*this, std::make_unique<BackendConnection>(*this, endpoint, identity_, std::move(stream),
                                                     options_.reply_limits)};
}

ProxyMetrics::OfComponent& BackendPool::metrics_of(const Endpoint& endpoint) {
  Shelf& shelf = shelves_[endpoint.id()];
  if (shelf.metrics == nullptr) shelf.metrics = &metrics_.of_component(endpoint.tag("component"));
  return *shelf.metrics;
}

void BackendPool::put_back(std::unique_ptr<BackendConnection> connection) {
  const auto found = shelves_.find(connection->endpoint());
  CHECK(found != shelves_.end());
  Shelf& shelf = found->second;
  const bool is_kept = options_.keep_alive && !shelf.has_departed &&
                       shelf.idle.size() < options_.idle_max && connection->is_reusable() &&
                       connection->identity() == identity_;
  if (!is_kept) return end(std::move(connection));
  connection->rest();
  shelf.idle.push_back(std::move(connection));
  ++idle_;
  metrics_.backend_connections_idle.set(static_cast<double>(idle()));
}

void BackendPool::end(std::unique_ptr<BackendConnection> connection) {
  const auto found = shelves_.find(connection->endpoint());
  CHECK(found != shelves_.end() && found->second.open > 0);
  --found->second.open;
  --connections_;
  show();
  connection->end();
  loop_.bury(std::move(connection));
}

void BackendPool::drop(BackendConnection& connection) {
  const auto found = shelves_.find(connection.endpoint());
  CHECK(found != shelves_.end());
  auto& idle = found->second.idle;
  const auto place = std::find_if(idle.begin(), idle.end(),
                                  [&](const auto& kept) { return kept.get() == &connection; });
  CHECK(place != idle.end());
  std::unique_ptr<BackendConnection> taken = std::move(*place);
  idle.erase(place);
  --idle_;
  end(std::move(taken));
}

void BackendPool::close_idle(Shelf& shelf) {
  while (!shelf.idle.empty()) drop(*shelf.idle.back());
}

void BackendPool::close_idle() {
  for (auto& [id, shelf] : shelves_) close_idle(shelf);
  http2_.close_idle();
}

void BackendPool::close_all() {
  close_idle();
  http2_.close_all();
}

void BackendPool::close_departed(const RouteTable& table) {
  http2_.close_departed(table);
  for (const EndpointId id : table.departed()) {
    const auto found = shelves_.find(id);
    if (found == shelves_.end() || found->second.open == 0) continue;
    Shelf& shelf = found->second;
    shelf.has_departed = !has_endpoint(table.find_exact(shelf.route_key), id);
    if (shelf.has_departed) close_idle(shelf);
  }
}

void BackendPool::sweep(const RouteTable& table) {
  http2_.sweep(table);
  for (auto place = shelves_.begin(); place != shelves_.end();) {
    Shelf& shelf = place->second;
    const bool is_known = shelf.route_key.empty()
                              ? shelf.open > 0
                              : has_endpoint(table.find_exact(shelf.route_key), place->first);
    if (!is_known) close_idle(shelf);
    place = !is_known && shelf.open == 0 ? shelves_.erase(place) : std::next(place);
  }
}

}  // namespace causeway::router
