#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"
#include "net/listening_socket.h"
#include "rpc/client.h"  // HeaderList

namespace causeway::net {
class Loop;
}
namespace causeway::log {
class Logger;
}
namespace causeway::metrics {
class Registry;
}

namespace causeway::tls {
class ServerContext;
}
namespace causeway::rpc {

class Identity;

// A request with its whole body (bounded by Server::Options::body_bytes_max).
struct Request {
  std::string method;
  std::string path;   // without query, percent-decoded
  std::string query;  // raw, without "?"
  HeaderList headers;
  std::string body;
  std::map<std::string, std::string> path_params;  // of the matched pattern: {"guid": "..."}
  std::string remote;                              // ip:port
  std::string_view header(std::string_view name) const;
  std::string query_param(std::string_view name) const;  // decoded, "" when absent
};

class ServerConnection;

// The open end of one request: answer it now or later, once. Dropping it unanswered sends 500. If
// the client has gone, answers go nowhere. A move-only value; thread: the server's loop. May
// outlive the server. It and its connection know of each other, and whoever ends first tells the
// other (ADR 0014).
class Responder {
 public:
  Responder(Responder&& other) noexcept;
  Responder& operator=(Responder&& other) noexcept;
  ~Responder();

  void reply(int status, std::string_view content_type, std::string body, HeaderList headers = {});
  void reply(int status) { reply(status, "", ""); }
  // Is nobody waiting any more: the client has gone, or it was answered?
  bool is_gone() const { return connection_ == nullptr; }

  // Turns the answer into an event stream: sends the head at once and stays open.
  class EventStream;
  std::unique_ptr<EventStream> stream(HeaderList headers = {});

  // Answers 200 with a body that is sent while it is made: its head goes out at once, in chunked
  // coding. For answers too long to be held whole.
  class BodyStream;
  std::unique_ptr<BodyStream> send(std::string_view content_type, HeaderList headers = {});

 private:
  friend class ServerConnection;
  explicit Responder(ServerConnection& connection);
  ServerConnection* connection_ = nullptr;  // nulled by it when it ends
};

// An event as it goes out, but for its id: made once, shared by all its subscribers.
using EventText = std::shared_ptr<const std::string>;
EventText event_text(std::string_view event, std::string_view data);

// Server-sent events to one subscriber (text/event-stream, chunked). Owner: the service's hub.
// Thread: the server's loop.
class Responder::EventStream {
 public:
  virtual ~EventStream() = default;  // ends the stream and closes the connection
  // Queues one event, which leaves with the others of this turn of the loop; answers false when the
  // subscriber is gone, or has more than Server::Options::queue_events_max events or
  // queue_bytes_max bytes waiting: then it is cut off.
  virtual bool send(std::string_view id, const EventText& text) = 0;
  bool send(std::string_view id, std::string_view event, std::string_view data) {
    return send(id, event_text(event, data));
  }
  // Called once when the subscriber goes by itself, not for a false of send(). The stream may be
  // destroyed inside.
  virtual void on_gone(std::function<void()> callback) = 0;
};

// A long body on its way, made no faster than the client takes it. Owner: who answers. Thread: the
// server's loop.
class Responder::BodyStream {
 public:
  // Without finish() the body is cut short, which the client notices.
  virtual ~BodyStream() = default;
  virtual void write(std::string_view bytes) = 0;
  // Should the rest wait until the client has taken more?
  virtual bool is_full() const = 0;
  // Calls back once, when it is no longer full or the client has gone. The stream may be destroyed
  // inside.
  virtual void on_room(std::function<void()> callback) = 0;
  virtual bool is_gone() const = 0;
  // That was all.
  virtual void finish() = 0;
};

// A small HTTP/1.1 server for our services' APIs. Not for app traffic: bodies are buffered whole.
// Owner: main(). Thread: its loop's.
class Server {
 public:
  struct Options {
    size_t connections_max = 10'000;
    size_t body_bytes_max = 64u << 20;  // 413 beyond
    size_t head_bytes_max = 64u << 10;  // 431 beyond
    Duration idle_timeout = std::chrono::seconds(120);
    Duration request_timeout =
        std::chrono::seconds(30);        // to receive a whole request: 408 beyond; to take a reply
    size_t queue_events_max = 1024;      // waiting for one event stream's subscriber
    size_t queue_bytes_max = 64u << 20;  // the same in bytes
    // Present: TLS, and only clients with a certificate that its authorities have signed. It shows
    // one (Identity::server()) and outlives the server.
    Identity* identity = nullptr;
    // Instead: TLS as this says, which outlives the server or its replacement by use().
    const tls::ServerContext* tls = nullptr;
    Duration handshake_timeout = std::chrono::seconds(10);
  };
  // The request is valid during the call.
  using Serve = std::function<void(const Request&, Responder)>;

  Server(net::Loop& loop, const log::Logger& logger);
  Server(net::Loop& loop, const log::Logger& logger, Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // closes every connection

  // `pattern`: "/v1/lrps/:process_guid/instances/:instance_guid/stop"; method "*" matches any.
  // Unknown path 404, known path with another method 405. HEAD is served by GET.
  void route(std::string_view method, std::string_view pattern, Serve serve);
  // Called for what no route matches, instead of 404.
  void fallback(Serve serve);
  // Sees every finished request (access log, metrics). Status 0: the client went away before it was
  // answered.
  void observe(std::function<void(const Request&, int status, Duration took)> observer);

  // TLS of connections from now on, on a server that has been given one.
  void use(const tls::ServerContext& tls);

  Result<net::Address> listen(const net::Address& address);
  // The same on a socket that listens already.
  void listen(net::ListeningSocket socket);
  // The listening socket for another process, and then no longer ours: connections go on.
  Result<net::ListeningSocket> duplicate_listener() const;
  void stop_listening();
  // Stops accepting and closes idle connections; those in use end with their answer (Connection:
  // close).
  void drain();
  size_t connections() const;
  uint64_t refused_connections() const;  // above connections_max
  uint64_t failed_handshakes() const;    // clients without a certificate that is trusted, above all

  struct State;

 private:
  std::unique_ptr<State> state_;
};

// Registers GET /metrics (Prometheus text) and GET /health ("ok") on a server.
void serve_metrics(Server& server, const metrics::Registry& registry);

}  // namespace causeway::rpc
