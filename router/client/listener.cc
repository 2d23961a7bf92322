#include "router/client/listener.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "router/client/client_connection.h"
#include "router/client/http2_client_connection.h"
#include "router/workbench/workbench.h"

namespace causeway::router {

Listener::Listener(Workbench& bench)
    : bench_(bench),
      front_(bench.loop, bench.settings, bench.logger, bench.front_metrics,
             [this](std::unique_ptr<net::Stream> stream, ClientFacts facts,
                    std::string_view first_bytes) {
               serve(std::move(stream), std::move(facts), first_bytes);
             }),
      http2_requests_(std::make_unique<Http2Requests>(bench)) {}

Listener::~Listener() { CHECK(connections_.empty()); }

Result<net::Address> Listener::listen(const net::Address& address, Entrance entrance) {
  auto socket = net::ListeningSocket::open(address, {.reuse_port = true});
  if (!socket) return std::move(socket).error();
  const net::Address bound = socket->address();
  listen(*std::move(socket), entrance);
  return bound;
}

void Listener::listen(net::ListeningSocket socket, Entrance entrance) {
  net::Listener::Options options;
  options.on_failed = [this](const Error& error) {
    if (on_failed_ != nullptr) on_failed_(error);
  };
  sockets_.push_back(net::Listener::open(bench_.loop, std::move(socket), std::move(options),
                                         [this, entrance](std::unique_ptr<net::Stream> stream) {
                                           accept(std::move(stream), entrance);
                                         }));
}

std::vector<net::ListeningSocket> Listener::duplicate_sockets() const {
  std::vector<net::ListeningSocket> copies;
  for (const auto& socket : sockets_) {
    if (auto copy = socket->duplicate()) copies.push_back(*std::move(copy));
  }
  return copies;
}

void Listener::accept(std::unique_ptr<net::Stream> stream, Entrance entrance) {
  const size_t most = bench_.settings.client_connections_max;
  if (most > 0 && connections_.size() + front_.arriving() >= most) {
    bench_.metrics.client_connections_refused.add();
    return;
  }
  if (front_.is_needed(entrance, stream->peer())) return front_.admit(std::move(stream), entrance);
  ClientFacts facts;
  facts.address = stream->peer();
  serve(std::move(stream), std::move(facts), {});
}

void Listener::serve(std::unique_ptr<net::Stream> stream, ClientFacts facts,
                     std::string_view first_bytes) {
  if (facts.speaks_http2)
    return serve_as<Http2ClientConnection>(std::move(stream), std::move(facts), first_bytes);
  serve_as<ClientConnection>(std::move(stream), std::move(facts), first_bytes);
}

template <class Connection>
void Listener::serve_as(std::unique_ptr<net::Stream> stream, ClientFacts facts,
                        std::string_view first_bytes) {
  auto made = std::make_unique<Connection>(*this, bench_, std::move(stream), std::move(facts),
                                           connections_.size());
  Connection& connection = *made;
  connections_.push_back(std::move(made));
  bench_.metrics.client_connections.set(static_cast<double>(connections_.size()));
  if (bench_.is_draining) connection.drain();
  if (first_bytes.empty()) return;
  std::string copy(first_bytes);  // they may be changed where they lie
  connection.on_read(copy);
}

void Listener::go_on_in_http2(ServedConnection& connection, std::unique_ptr<net::Stream> stream,
                              ClientFacts facts, std::string_view first_bytes) {
  remove(connection);
  serve_as<Http2ClientConnection>(std::move(stream), std::move(facts), first_bytes);
}

void Listener::remove(ServedConnection& connection) {
  const size_t place = connection.place();
  CHECK(place < connections_.size() && connections_[place].get() == &connection);
  std::unique_ptr<ServedConnection> taken = std::move(connections_[place]);
  if (place + 1 < connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place(place);
  }
  connections_.pop_back();
  bench_.metrics.client_connections.set(static_cast<double>(connections_.size()));
  bench_.loop.bury(std::move(taken));
}

void Listener::drain() {
  for (auto& socket : sockets_) socket->refuse_new();
  // From the back: a connection that goes is replaced by one already seen.
  for (size_t place = connections_.size(); place-- > 0;) connections_[place]->drain();
}

void Listener::close_sockets() {
  for (auto& socket : sockets_) socket->drain();
  sockets_.clear();
}

void Listener::send_away(double share) {
  const auto due = static_cast<size_t>(share * static_cast<double>(connections_.size()) + 0.5);
  for (size_t place = std::min(due, connections_.size()); place-- > 0;)
    connections_[place]->send_away();
}

void Listener::end() {
  sockets_.clear();
  front_.end();
  while (!connections_.empty()) connections_.back()->end();
}

size_t Listener::busy() const {
  return front_.arriving() + static_cast<size_t>(std::count_if(
                                 connections_.begin(), connections_.end(),
                                 [](const auto& connection) { return connection->is_busy(); }));
}

}  // namespace causeway::router
