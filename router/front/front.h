#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "net/loop.h"
#include "net/stream.h"
#include "router/front/client_facts.h"
#include "router/front/front_metrics.h"
#include "router/settings/settings.h"
#include "tls/context.h"

namespace causeway::router {

class Arrival;

// The TLS side of all doors, as it is at one time: made by the control thread, read by all workers,
// replaced as a whole.
struct FrontTls {
  std::shared_ptr<const tls::ServerContext> external;  // ssl_port
  std::shared_ptr<const tls::ServerContext> internal;  // the route services' way back
};

// Where client sockets wait from accept to their first byte of HTTP: the PROXY header is read, the
// TLS handshake made, and what became known goes on as ClientFacts. Sockets that need neither never
// come here. Owner: the worker's Listener. Thread: its worker's. Ends: end() first.
class Front {
 public:
  // A client that may speak HTTP now. `first_bytes`: what it has sent already; gone after the call.
  using OnClient = std::function<void(std::unique_ptr<net::Stream> stream, ClientFacts facts,
                                      std::string_view first_bytes)>;

  Front(net::Loop& loop, const Settings& settings, FrontMetrics& metrics, OnClient on_client);
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  ~Front();

  // Does a socket of that door have to come here?
  bool is_needed(Entrance entrance, const net::Address& peer) const {
    return entrance != Entrance::plain || settings_.proxy_protocol.expects_header_from(peer);
  }
  void admit(std::unique_ptr<net::Stream> stream, Entrance entrance);
  // For handshakes that begin from now on.
  void use(std::shared_ptr<const FrontTls> tls) { tls_ = std::move(tls); }

  size_t arriving() const { return arrivals_.size(); }
  // Closes all that have not arrived.
  void end();

 private:
  friend class Arrival;
  void remove(Arrival& arrival);

  net::Loop& loop_;
  const Settings& settings_;
  FrontMetrics& metrics_;
  const OnClient on_client_;
  std::shared_ptr<const FrontTls> tls_;
  std::vector<std::unique_ptr<Arrival>> arrivals_;  // each knows its place
};

}  // namespace causeway::router
