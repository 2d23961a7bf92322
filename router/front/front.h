#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/list.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"
#include "router/front/client_facts.h"
#include "router/front/front_metrics.h"
#include "router/settings/settings.h"
#include "tls/context.h"

namespace causeway::router {

class Arrival;

// How many handshakes may begin: so many a second, with a tenth of that at once. A value.
class HandshakeRate {
 public:
  // Takes one if there is one. `per_second`: as it is now; 0: any number.
  bool take(Instant now, uint32_t per_second);

 private:
  double tokens_ = 0;
  Instant refilled_{};  // so long ago that the first one finds as many as there may be
};

// The TLS side of the https door, as it is at one time: made by the control thread, read by all
// workers, replaced as a whole.
using FrontTls = tls::ServerContext;

// Where client sockets wait from accept to their first byte of HTTP: the PROXY header is read, the
// TLS handshake made, and what became known goes on as ClientFacts. Sockets that need neither never
// come here. Owner: the worker's Listener. Thread: its worker's. Ends: end() first.
class Front {
 public:
  // A client that may speak HTTP now. `first_bytes`: what it has sent already; gone after the call.
  using OnClient = std::function<void(std::unique_ptr<net::Stream> stream, ClientFacts facts,
                                      std::string_view first_bytes)>;

  Front(net::Loop& loop, const Settings& settings, const log::Logger& logger, FrontMetrics& metrics,
        OnClient on_client);
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
  // May this one's handshake begin? Otherwise it waits, and is told later.
  bool may_shake(Arrival& arrival);
  void on_rate_tick();
  // Counts a PROXY header that is none, and logs it unless another was logged a moment ago.
  void note_refused_header(const net::Address& peer, std::string_view reason);

  net::Loop& loop_;
  const Settings& settings_;
  const log::Logger& logger_;
  Instant refusals_silent_until_{};
  FrontMetrics& metrics_;
  const OnClient on_client_;
  std::shared_ptr<const FrontTls> tls_;
  std::vector<std::unique_ptr<Arrival>> arrivals_;  // each knows its place
  HandshakeRate rate_;
  List<Arrival> waiting_;  // for their turn
  net::Timer rate_timer_;
};

}  // namespace causeway::router
