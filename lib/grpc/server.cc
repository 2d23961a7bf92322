#include "grpc/server.h"

#include <utility>

#include "base/check.h"
#include "grpc/call.h"
#include "net/loop.h"

namespace causeway::grpc {

Server::State::State(net::Loop& the_loop, const log::Logger& the_logger, Options the_options)
    : loop(the_loop), logger(the_logger.session("grpc")), options(std::move(the_options)) {}

void Server::State::accept(std::unique_ptr<net::Stream> stream) {
  if (connections.size() + handshakes.size() >= options.connections_max) {
    logger.warn("too-many-connections", {{"limit", options.connections_max}});
    return;  // closes it
  }
  if (!options.tls) return open(std::move(stream));
  const auto place = handshakes.emplace(handshakes.end());
  const std::string remote = stream->peer().to_string();
  *place = tls::Handshake::accept(
      std::move(stream), *options.tls(), {.timeout = options.handshake_timeout},
      [this, place, remote](Result<tls::Secured> secured) {
        handshakes.erase(place);
        if (secured && !is_draining) return open(std::move(secured->stream));
        if (secured) return;
        logger.info("tls-handshake-failed",
                    {{"remote", remote}, {"error", to_string(secured.error())}});
      });
}

void Server::State::open(std::unique_ptr<net::Stream> stream) {
  auto connection = std::make_unique<Connection>(*this, std::move(stream));
  Connection& accepted = *connection;
  connections.emplace(&accepted, std::move(connection));
  accepted.open();
}

void Server::State::forget(Connection& connection) {
  const auto found = connections.find(&connection);
  CHECK(found != connections.end());
  loop.bury(std::move(found->second));
  connections.erase(found);
}

void Server::State::end() {
  listener.reset();
  handshakes.clear();
  while (!connections.empty()) connections.begin()->second->end();
}

Server::Server(net::Loop& loop, const log::Logger& logger, Options options)
    : state_(std::make_unique<State>(loop, logger, std::move(options))) {}

// Buried connections still know the state.
Server::~Server() {
  state_->end();
  net::Loop& loop = state_->loop;
  loop.bury(std::move(state_));
}

void Server::method(std::string path, Method method) {
  state_->methods.insert_or_assign(std::move(path), std::move(method));
}

Result<net::Address> Server::listen(const net::Address& address) {
  auto listener = net::Listener::open(state_->loop, address,
                                      [state = state_.get()](std::unique_ptr<net::Stream> stream) {
                                        state->accept(std::move(stream));
                                      });
  if (!listener) return std::move(listener.error());
  state_->listener = std::move(*listener);
  return state_->listener->address();
}

void Server::drain() {
  state_->is_draining = true;
  if (state_->listener) state_->listener->drain();
  state_->listener.reset();
  state_->handshakes.clear();
  // Those without calls end at once, while we look.
  std::vector<Connection*> open;
  for (const auto& [key, connection] : state_->connections) open.push_back(connection.get());
  for (Connection* connection : open) connection->drain();
}

size_t Server::connections() const { return state_->connections.size(); }
uint64_t Server::calls() const { return state_->next_call; }
uint64_t Server::failed_calls() const { return state_->failed; }

}  // namespace causeway::grpc
