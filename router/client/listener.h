#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "net/tcp.h"
#include "router/client/served_connection.h"
#include "router/front/front.h"

namespace causeway::router {

class Http2Requests;
struct Workbench;

// Accepts sockets on one worker's addresses, refuses above the limit, makes and owns the
// connections. Owner: the worker. Thread: its own. Ends: end() first, then its destructor.
class Listener {
 public:
  explicit Listener(Workbench& bench);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // Hears of sockets that will never accept again.
  void on_failed(std::function<void(const Error&)> callback) { on_failed_ = std::move(callback); }
  Result<net::Address> listen(const net::Address& address, Entrance entrance = Entrance::plain);
  // The same on a socket that listens already.
  void listen(net::ListeningSocket socket, Entrance entrance = Entrance::plain);
  // All sockets, for another process; then leave_sockets() closes them here without a word to those
  // who wait in them.
  std::vector<net::ListeningSocket> duplicate_sockets() const;
  void leave_sockets() { sockets_.clear(); }
  // Serves a connection that was accepted elsewhere.
  void accept(std::unique_ptr<net::Stream> stream, Entrance entrance = Entrance::plain);
  // Certificates and their like, for handshakes from now on.
  void use(std::shared_ptr<const FrontTls> tls) { front_.use(std::move(tls)); }
  // Nobody new may connect; idle connections get a moment and close, busy ones after their reply.
  void drain();
  // A moment later: takes what waits in the kernel, then nothing more.
  void close_sockets();
  // Tells that share of the tunnels (0 ... 1) to come to their end.
  void send_away(double share);
  // Closes everything at once.
  void end();
  // Takes a connection out and ends it after the present callback. For the connection.
  void remove(ServedConnection& connection);
  // The same client turns out to speak HTTP/2: takes its stream over, with what it said first.
  void go_on_in_http2(ServedConnection& connection, std::unique_ptr<net::Stream> stream,
                      ClientFacts facts, std::string_view first_bytes);

  // For its HTTP/2 connections.
  Http2Requests& http2_requests() { return *http2_requests_; }

  size_t connections() const { return connections_.size(); }
  // Those that are waited for at drain: with an exchange or part of a request, or on their way
  // through the front.
  size_t busy() const;

 private:
  void serve(std::unique_ptr<net::Stream> stream, ClientFacts facts, std::string_view first_bytes);
  template <class Connection>
  void serve_as(std::unique_ptr<net::Stream> stream, ClientFacts facts,
                std::string_view first_bytes);

  Workbench& bench_;
  Front front_;
  std::function<void(const Error&)> on_failed_;
  std::vector<std::unique_ptr<net::Listener>> sockets_;
  std::unique_ptr<Http2Requests> http2_requests_;
  std::vector<std::unique_ptr<ServedConnection>> connections_;  // each knows its place
};

}  // namespace causeway::router
