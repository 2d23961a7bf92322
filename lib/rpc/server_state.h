#pragma once

// Internal to lib/rpc: what a server's connections reach.

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/logger.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "rpc/route_table.h"
#include "rpc/server.h"
#include "tls/handshake.h"

namespace causeway::rpc {

class ServerConnection;

// Owner: Server, which buries it: a callback may end the server. Thread: the loop's.
struct Server::State {
  State(net::Loop& the_loop, const log::Logger& the_logger, Options the_options);
  ~State();

  void accept(std::unique_ptr<net::Stream> stream);
  void shake_hands(std::unique_ptr<net::Stream> stream);
  void open(std::unique_ptr<net::Stream> stream);
  // `raw_path`: of `request`, still encoded. Fills its path_params.
  void serve(Request& request, std::string_view raw_path, Responder responder);
  // Has its events sent at the end of this turn.
  void flush_soon(ServerConnection& connection);
  void flush_no_more(ServerConnection& connection) { std::erase(due_flushes, &connection); }
  // The connection has ended and detached itself.
  void forget(ServerConnection& connection);
  void end();

  net::Loop& loop;
  const log::Logger logger;
  const Options options;
  const tls::ServerContext* tls;  // of the next handshake; null: `options.identity` says
  RouteTable table;
  std::deque<Serve> routes;  // by the table's numbers
  Serve fallback;
  std::function<void(const Request&, int, Duration)> observer;
  std::unique_ptr<net::Listener> listener;
  std::unordered_map<ServerConnection*, std::unique_ptr<ServerConnection>> connections;
  std::list<std::unique_ptr<tls::Handshake>> handshakes;
  std::vector<ServerConnection*> due_flushes;  // at the end of this turn
  bool is_draining = false;
  bool has_ended = false;
  bool is_refusing = false;  // above connections_max: logged once per time
  std::string head;          // of the answer that is being sent
  std::string events;        // that are being sent together
  uint64_t refused = 0;
  uint64_t failed_handshakes = 0;
};

}  // namespace causeway::rpc
