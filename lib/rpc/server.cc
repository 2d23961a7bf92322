#include "rpc/server.h"

#include <utility>

#include "base/check.h"
#include "rpc/event_stream.h"
#include "rpc/identity.h"
#include "rpc/server_connection.h"
#include "rpc/server_state.h"
#include "rpc/url.h"

namespace causeway::rpc {

std::string_view Request::header(std::string_view name) const {
  return header_value(headers, name);
}

std::string Request::query_param(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const size_t equals = pair.find('=');
    const auto key = percent_decode(pair.substr(0, equals), Plus::is_space);
    if (key == name) {
      if (equals == std::string_view::npos) return {};
      return percent_decode(pair.substr(equals + 1), Plus::is_space).value_or("");
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return {};
}

EventText event_text(std::string_view event, std::string_view data) {
  auto text = std::make_shared<std::string>();
  append_event_text(*text, event, data);
  return text;
}

Server::State::State(net::Loop& the_loop, const log::Logger& the_logger, Options the_options)
    : loop(the_loop), logger(the_logger), options(the_options), tls(the_options.tls) {}

Server::State::~State() { CHECK(connections.empty()); }

void Server::State::accept(std::unique_ptr<net::Stream> stream) {
  if (connections.size() + handshakes.size() >= options.connections_max) {
    ++refused;
    if (!is_refusing) {
      logger.warn("too-many-connections", {{"limit", options.connections_max}});
      is_refusing = true;
    }
    return;  // closes it
  }
  is_refusing = false;
  if (options.identity != nullptr || tls != nullptr) return shake_hands(std::move(stream));
  open(std::move(stream));
}

void Server::State::shake_hands(std::unique_ptr<net::Stream> stream) {
  const tls::ServerContext* const context = tls != nullptr ? tls : options.identity->server();
  CHECK(context != nullptr);
  const std::string remote = stream->peer().to_string();
  const auto place = handshakes.emplace(handshakes.end());
  *place = tls::Handshake::accept(
      std::move(stream), *context, {.timeout = options.handshake_timeout},
      [this, place, remote](Result<tls::Secured> secured) {
        handshakes.erase(place);
        if (secured && !is_draining) return open(std::move(secured->stream));
        if (secured) return;
        ++failed_handshakes;
        logger.info("tls-handshake-failed",
                    {{"remote", remote}, {"error", to_string(secured.error())}});
      });
}

void Server::State::open(std::unique_ptr<net::Stream> stream) {
  auto connection = std::make_unique<ServerConnection>(*this, std::move(stream));
  ServerConnection& accepted = *connection;
  connections.emplace(&accepted, std::move(connection));
  accepted.open();
}

void Server::State::serve(Request& request, std::string_view raw_path, Responder responder) {
  RouteTable::Match match = table.find(request.method, raw_path);
  request.path_params = std::move(match.params);
  if (match.route) {
    routes[*match.route](request, std::move(responder));
  } else if (fallback) {
    fallback(request, std::move(responder));
  } else if (!match.allow.empty()) {
    responder.reply(405, "text/plain; charset=utf-8", "method not allowed\n",
                    {{"Allow", match.allow}});
  } else {
    responder.reply(404, "text/plain; charset=utf-8", "not found\n");
  }
}

void Server::State::flush_soon(ServerConnection& connection) {
  due_flushes.push_back(&connection);
  if (due_flushes.size() > 1) return;
  loop.defer([this] {
    for (ServerConnection* const due : std::exchange(due_flushes, {})) due->flush_due();
  });
}

void Server::State::forget(ServerConnection& connection) {
  const auto found = connections.find(&connection);
  CHECK(found != connections.end());
  loop.bury(std::move(found->second));
  connections.erase(found);
}

void Server::State::end() {
  if (has_ended) return;
  has_ended = true;
  listener.reset();
  handshakes.clear();
  while (!connections.empty()) connections.begin()->first->end();
}

Server::Server(net::Loop& loop, const log::Logger& logger) : Server(loop, logger, Options{}) {}

Server::Server(net::Loop& loop, const log::Logger& logger, Options options)
    : state_(std::make_unique<State>(loop, logger, options)) {}

Server::~Server() {
  state_->end();
  net::Loop& loop = state_->loop;
  loop.bury(std::move(state_));
}

void Server::route(std::string_view method, std::string_view pattern, Serve serve) {
  const size_t number = state_->table.add(method, pattern);
  CHECK(number == state_->routes.size());
  state_->routes.push_back(std::move(serve));
}

void Server::fallback(Serve serve) { state_->fallback = std::move(serve); }

void Server::observe(std::function<void(const Request&, int status, Duration took)> observer) {
  state_->observer = std::move(observer);
}

void Server::use(const tls::ServerContext& tls) {
  CHECK(state_->tls != nullptr);
  state_->tls = &tls;
}

Result<net::Address> Server::listen(const net::Address& address) {
  CHECK(state_->listener == nullptr);
  State* const state = state_.get();
  auto listener = net::Listener::open(
      state->loop, address,
      [state](std::unique_ptr<net::Stream> stream) { state->accept(std::move(stream)); });
  if (!listener) return std::move(listener).error();
  state_->listener = std::move(*listener);
  return state_->listener->address();
}

void Server::listen(net::ListeningSocket socket) {
  CHECK(state_->listener == nullptr);
  State* const state = state_.get();
  state_->listener = net::Listener::open(
      state->loop, std::move(socket), {},
      [state](std::unique_ptr<net::Stream> stream) { state->accept(std::move(stream)); });
}

Result<net::ListeningSocket> Server::duplicate_listener() const {
  if (state_->listener == nullptr) return Error{.fault = Fault::closed, .side = Side::self};
  return state_->listener->duplicate();
}

void Server::stop_listening() { state_->listener.reset(); }

void Server::drain() {
  State& state = *state_;
  if (state.is_draining || state.has_ended) return;
  state.is_draining = true;
  if (state.listener != nullptr) state.listener->drain();
  std::vector<ServerConnection*> idle;
  for (const auto& [connection, owned] : state.connections) {
    if (connection->is_idle()) idle.push_back(connection);
  }
  for (ServerConnection* connection : idle) connection->end();
}

size_t Server::connections() const { return state_->connections.size(); }

uint64_t Server::refused_connections() const { return state_->refused; }

uint64_t Server::failed_handshakes() const { return state_->failed_handshakes; }

}  // namespace causeway::rpc
