#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "base/list.h"
#include "http2/client_session.h"
#include "router/backend/dial.h"
#include "router/backend/http2_connection.h"
#include "router/route/endpoint.h"

namespace causeway::router {

class BackendPool;
class RouteTable;

// Who waits for a stream to an endpoint. Told once, never from inside seek(); unlinks itself when
// it wants none any more.
class Http2Seeker : public ListLink<Http2Seeker> {
 public:
  // The connection has room, during the call. `times`: of its dial, if it was waited for.
  virtual void on_http2_ready(Http2Connection& connection, const Dial::Times& times) = 0;
  // The endpoint agreed on HTTP/1 only: this connection is the seeker's alone ...
  virtual void on_http1_instead(std::unique_ptr<net::Stream> stream, const Dial::Times& times) = 0;
  // ... or it needs one of its own.
  virtual void on_http1_only() = 0;
  virtual void on_seek_failed(Dial::Stage stage, const Error& error, const Dial::Times& times) = 0;

 protected:
  ~Http2Seeker() = default;
};

// One worker's HTTP/2 connections, shared by its exchanges and filed under EndpointId: what has
// another address, TLS name or protocol has another id, so that no two identities ever share one.
// One dial at a time for each endpoint; those who come meanwhile wait for it. Owner: BackendPool.
// Thread: its worker's.
class Http2Pool {
 public:
  struct Options {
    Dial::Options dial;
    Http2Connection::Options connection;
    size_t connections_max = 8;  // per endpoint, of those that take requests
  };

  Http2Pool(BackendPool& pool, net::Loop& loop, const Http2Connection::Times& times,
            ArenaBlocks& arena_blocks, http2::Memory& memory, const Options& options);
  Http2Pool(const Http2Pool&) = delete;
  Http2Pool& operator=(const Http2Pool&) = delete;
  ~Http2Pool();

  // A connection with room, or null.
  Http2Connection* find(const Endpoint& endpoint);
  // Did the endpoint agree on HTTP/1 the last time it was asked?
  bool prefers_http1(const Endpoint& endpoint) const;
  // Dials, or waits for room. `route_key`: of a route that the endpoint serves.
  void seek(Http2Seeker& seeker, const Endpoint& endpoint, std::string_view route_key);
  // A connection that was dialled elsewhere and came to speak HTTP/2. It has room.
  Http2Connection& adopt(const Endpoint& endpoint, std::string_view route_key,
                         std::unique_ptr<net::Stream> stream);

  // A stream to open on a connection, and to give back closed.
  std::unique_ptr<http2::ClientStream> take_stream();
  void give_back(std::unique_ptr<http2::ClientStream> stream);

  // As those of BackendPool. Connections in use take no further requests.
  void sweep(const RouteTable& table);
  void close_departed(const RouteTable& table);
  // Those without streams.
  void close_idle();
  // Whatever is open fails.
  void close_all();

  const Options& options() const { return options_; }
  // For connections that are made from now on. Those made under other certificates take no further
  // requests; dials begin again.
  void use(const Options& options);
  size_t connections() const { return connections_; }
  size_t idle() const { return idle_; }

 private:
  struct Shelf final : Dial::User, Http2ConnectionOwner {
    Shelf(Http2Pool& p, const Endpoint& endpoint);

    void on_dialled(Dial::Dialled dialled) override;
    void on_dial_failed(Dial::Stage stage, const Error& error) override;
    void on_room(Http2Connection& connection) override;
    void on_over(Http2Connection& connection) override;
    void on_use(bool is_in_use) override;

    Http2Connection* find_room();
    Http2Connection& keep(std::unique_ptr<net::Stream> stream);
    void serve(const Dial::Times& times);
    void dial_if_needed();
    void retire_all();
    void dial_anew();
    bool is_empty() const { return connections.empty() && !is_dialling && waiting.empty(); }

    Http2Pool& pool;
    const Dial::Target target;
    std::string route_key;
    std::vector<std::unique_ptr<Http2Connection>> connections;
    List<Http2Seeker> waiting;
    Dial dial;
    bool is_dialling = false;
    bool serves_soon = false;
    bool prefers_http1 = false;
  };

  Shelf& shelf_of(const Endpoint& endpoint, std::string_view route_key);
  bool is_known(const Shelf& shelf, EndpointId id, const RouteTable& table) const;

  BackendPool& pool_;
  net::Loop& loop_;
  const Http2Connection::Times times_;
  ArenaBlocks& arena_blocks_;
  http2::Memory& memory_;
  Options options_;
  std::unordered_map<EndpointId, std::unique_ptr<Shelf>> shelves_;
  std::vector<std::unique_ptr<http2::ClientStream>> spare_streams_;
  size_t connections_ = 0;
  size_t idle_ = 0;     // of those, without streams
  size_t streams_ = 0;  // taken and not yet given back
};

}  // namespace causeway::router
