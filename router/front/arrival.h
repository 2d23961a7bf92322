#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/list.h"
#include "net/proxy_header.h"
#include "net/stream.h"
#include "net/timer.h"
#include "router/front/client_facts.h"
#include "router/front/front.h"
#include "tls/handshake.h"

namespace causeway::router {

// One client's socket on its way through the front: PROXY header, then TLS. Owner: Front. Thread:
// its worker's. Ends: when the client goes on to its connection, or is closed.
class Arrival final : public ListLink<Arrival>, private net::Stream::Events {
 public:
  Arrival(Front& front, std::unique_ptr<net::Stream> stream, Entrance entrance, size_t place);
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;
  ~Arrival() = default;

  void begin();
  // It waited for its handshake, which may begin.
  void on_turn();
  size_t place() const { return place_; }
  void place(size_t place) { place_ = place; }

 private:
  void on_read(std::span<char> bytes) override;
  void on_end() override { end(); }
  void on_failure(const Error&) override { end(); }

  void refuse_header(std::string_view reason);
  void after_header(std::string_view rest);
  void shake_hands(std::string_view first_bytes);
  void wait_for_turn(std::string_view first_bytes);
  void on_secured(Result<tls::Secured> secured);
  void go_on(std::unique_ptr<net::Stream> stream, std::string_view first_bytes);
  void end();

  Front& front_;
  size_t place_;
  ClientFacts facts_;
  std::unique_ptr<net::Stream> stream_;  // null during the handshake and after it
  net::ProxyHeaderReader header_;
  std::unique_ptr<net::Timer> header_timer_;  // for its first byte, then for its last
  bool has_begun_ = false;
  std::unique_ptr<tls::Handshake> handshake_;
  std::string first_bytes_;  // what came with the PROXY header, while it waits for its turn
  std::unique_ptr<net::Timer> turn_timer_;
};

}  // namespace causeway::router
