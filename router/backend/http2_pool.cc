#include "router/backend/http2_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/loop.h"
#include "router/backend/backend_pool.h"
#include "router/route/route_table.h"

namespace causeway::router {
namespace {

// Streams kept for the next exchanges; each holds about 1 KiB.
constexpr size_t spare_streams_max = 1000;

}  // namespace

Http2Pool::Shelf::Shelf(Http2Pool& p, const Endpoint& endpoint)
    : pool(p), target(endpoint), dial(p.loop_, *this) {}

Http2Pool::Http2Pool(BackendPool& pool, net::Loop& loop, const Http2Connection::Times& times,
                     ArenaBlocks& arena_blocks, http2::Memory& memory, const Options& options)
    : pool_(pool),
      loop_(loop),
      times_(times),
      arena_blocks_(arena_blocks),
      memory_(memory),
      options_(options) {}

Http2Pool::~Http2Pool() {
  close_all();
  CHECK(connections_ == 0);
}

void Http2Pool::use(const Options& options) {
  const bool is_another_identity = options.dial.tls != options_.dial.tls;
  options_ = options;
  if (!is_another_identity) return;
  for (auto& [id, shelf] : shelves_) {
    shelf->retire_all();
    shelf->dial_anew();
  }
}

Http2Pool::Shelf& Http2Pool::shelf_of(const Endpoint& endpoint, std::string_view route_key) {
  auto& shelf = shelves_[endpoint.id()];
  if (shelf == nullptr) shelf = std::make_unique<Shelf>(*this, endpoint);
  if (shelf->route_key != route_key) shelf->route_key = route_key;
  return *shelf;
}

Http2Connection* Http2Pool::find(const Endpoint& endpoint) {
  const auto found = shelves_.find(endpoint.id());
  return found == shelves_.end() ? nullptr : found->second->find_room();
}

bool Http2Pool::prefers_http1(const Endpoint& endpoint) const {
  const auto found = shelves_.find(endpoint.id());
  return found != shelves_.end() && found->second->prefers_http1;
}

void Http2Pool::seek(Http2Seeker& seeker, const Endpoint& endpoint, std::string_view route_key) {
  Shelf& shelf = shelf_of(endpoint, route_key);
  shelf.waiting.push_back(seeker);
  shelf.dial_if_needed();
}

Http2Connection& Http2Pool::adopt(const Endpoint& endpoint, std::string_view route_key,
                                  std::unique_ptr<net::Stream> stream) {
  Shelf& shelf = shelf_of(endpoint, route_key);
  shelf.prefers_http1 = false;
  return shelf.keep(std::move(stream));
}

std::unique_ptr<http2::ClientStream> Http2Pool::take_stream() {
  pool_.metrics_.backend_streams.set(static_cast<double>(++streams_));
  if (spare_streams_.empty()) return std::make_unique<http2::ClientStream>(arena_blocks_);
  std::unique_ptr<http2::ClientStream> stream = std::move(spare_streams_.back());
  spare_streams_.pop_back();
  return stream;
}

void Http2Pool::give_back(std::unique_ptr<http2::ClientStream> stream) {
  CHECK(!stream->is_open());
  pool_.metrics_.backend_streams.set(static_cast<double>(--streams_));
  if (spare_streams_.size() < spare_streams_max) {
    spare_streams_.push_back(std::move(stream));
  } else {
    loop_.bury(std::move(stream));
  }
}

Http2Connection* Http2Pool::Shelf::find_room() {
  // The first with room: those behind it grow old and go.
  const auto found = std::find_if(connections.begin(), connections.end(),
                                  [](const auto& each) { return each->has_room(); });
  return found == connections.end() ? nullptr : found->get();
}

Http2Connection& Http2Pool::Shelf::keep(std::unique_ptr<net::Stream> stream) {
  connections.push_back(std::make_unique<Http2Connection>(
      pool.loop_, pool.memory_, *this, pool.times_, std::move(stream), pool.options_.connection));
  ++pool.connections_;
  ++pool.idle_;
  pool.pool_.show();
  return *connections.back();
}

void Http2Pool::Shelf::dial_if_needed() {
  if (is_dialling || waiting.empty()) return;
  const auto in_use =
      static_cast<size_t>(std::count_if(connections.begin(), connections.end(),
                                        [](const auto& each) { return each->takes_requests(); }));
  // Those who wait get the next stream that ends.
  if (in_use >= pool.options_.connections_max) return;
  is_dialling = true;
  dial.start(target, pool.options_.dial,
             target.is_tls ? Dial::Http2::if_agreed : Dial::Http2::known);
}

void Http2Pool::Shelf::on_dialled(Dial::Dialled dialled) {
  is_dialling = false;
  const Dial::Times times = dial.times();
  if (dialled.speaks_http2) {
    prefers_http1 = false;
    keep(std::move(dialled.stream));
    return serve(times);
  }
  prefers_http1 = true;
  // Told one by one: what they do may make others wait, for the next dial.
  for (size_t count = waiting.size(); count > 0 && !waiting.empty(); --count) {
    Http2Seeker& seeker = waiting.front();
    seeker.unlink();
    if (dialled.stream != nullptr) {
      seeker.on_http1_instead(std::move(dialled.stream), times);
    } else {
      seeker.on_http1_only();
    }
  }
}

void Http2Pool::Shelf::on_dial_failed(Dial::Stage stage, const Error& error) {
  is_dialling = false;
  const Dial::Times times = dial.times();
  // There are connections that are only full: one of them will have room.
  const bool has_others = std::any_of(connections.begin(), connections.end(),
                                      [](const auto& each) { return each->takes_requests(); });
  if (has_others) return;
  for (size_t count = waiting.size(); count > 0 && !waiting.empty(); --count) {
    Http2Seeker& seeker = waiting.front();
    seeker.unlink();
    seeker.on_seek_failed(stage, error, times);
  }
}

void Http2Pool::Shelf::serve(const Dial::Times& times) {
  while (!waiting.empty()) {
    Http2Connection* connection = find_room();
    if (connection == nullptr) break;
    Http2Seeker& seeker = waiting.front();
    seeker.unlink();
    seeker.on_http2_ready(*connection, times);
  }
  dial_if_needed();
}

// A dial that is under way would bring a connection of the former identity.
void Http2Pool::Shelf::dial_anew() {
  if (std::exchange(is_dialling, false)) dial.give_up();
  dial_if_needed();
}

// Later: whoever gives its stream back may be in the middle of something.
void Http2Pool::Shelf::on_room(Http2Connection&) {
  if (waiting.empty() || serves_soon) return;
  serves_soon = true;
  pool.loop_.defer([this] {
    serves_soon = false;
    serve({});
  });
}

void Http2Pool::Shelf::on_over(Http2Connection& connection) {
  const auto place = std::find_if(connections.begin(), connections.end(),
                                  [&](const auto& each) { return each.get() == &connection; });
  CHECK(place != connections.end());
  std::unique_ptr<Http2Connection> taken = std::move(*place);
  connections.erase(place);
  --pool.connections_;
  if (taken->streams() == 0) --pool.idle_;
  pool.pool_.show();
  pool.loop_.bury(std::move(taken));
  dial_if_needed();
}

void Http2Pool::Shelf::on_use(bool is_in_use) {
  if (is_in_use) {
    --pool.idle_;
  } else {
    ++pool.idle_;
  }
  pool.pool_.show();
}

void Http2Pool::Shelf::retire_all() {
  for (const auto& connection : connections) connection->retire();
}

bool Http2Pool::is_known(const Shelf& shelf, EndpointId id, const RouteTable& table) const {
  const Pool* routed = table.find_exact(shelf.route_key);
  if (routed == nullptr) return false;
  const auto endpoints = routed->endpoints();
  return std::any_of(endpoints.begin(), endpoints.end(),
                     [id](const auto& each) { return each->id() == id; });
}

void Http2Pool::close_departed(const RouteTable& table) {
  for (const EndpointId id : table.departed()) {
    const auto found = shelves_.find(id);
    if (found != shelves_.end() && !is_known(*found->second, id, table))
      found->second->retire_all();
  }
}

void Http2Pool::sweep(const RouteTable& table) {
  for (auto place = shelves_.begin(); place != shelves_.end();) {
    Shelf& shelf = *place->second;
    const bool is_gone = !is_known(shelf, place->first, table);
    if (is_gone) shelf.retire_all();
    if (is_gone && shelf.is_empty()) {
      loop_.bury(std::move(place->second));
      place = shelves_.erase(place);
    } else {
      ++place;
    }
  }
}

void Http2Pool::close_idle() {
  for (auto& [id, shelf] : shelves_) {
    for (size_t i = shelf->connections.size(); i-- > 0;) {
      Http2Connection& connection = *shelf->connections[i];
      if (connection.streams() == 0) connection.end({.kind = http2::StreamFailure::Kind::closed});
    }
  }
}

void Http2Pool::close_all() {
  for (auto& [id, shelf] : shelves_) {
    shelf->dial.give_up();
    shelf->is_dialling = false;
    while (!shelf->connections.empty())
      shelf->connections.back()->end({.kind = http2::StreamFailure::Kind::closed});
  }
}

}  // namespace causeway::router
