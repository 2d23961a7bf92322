#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "net/address.h"
#include "router/backend/deadlines.h"
#include "router/tcp/flow.h"
#include "router/tcp/readiness.h"
#include "router/tcp/socket.h"
#include "router/tcp/tcp_pool.h"

namespace causeway::router {

class TcpPort;
class TcpWorker;

// One client of a routed port and the instance it was given: reads the PROXY header of those who
// may send one, dials, tries others if that fails, then relays both ways until both have ended, one
// has failed or nothing moves any more. Owner: TcpWorker. Thread: its worker's. Ends: end(), after
// which it is buried.
class TcpConnection final : private Deadline {
 public:
  enum class End : uint8_t {
    done,            // both sides have said their last
    client_failed,   // reset
    backend_failed,  // reset
    no_backend,      // none could be reached
    bad_header,      // it began like a PROXY header and is none
    idle,
    cut,  // by drain or the router's end
  };

  TcpConnection(TcpWorker& worker, TcpPort& port, Socket client, const net::Address& peer,
                size_t place);
  TcpConnection(const TcpConnection&) = delete;
  TcpConnection& operator=(const TcpConnection&) = delete;

  void begin();
  // Closes both sides at once. It is taken out of its worker.
  void end(End how);

  // Where its worker keeps it.
  size_t place() const { return place_; }
  void place(size_t place) { place_ = place; }

 private:
  enum class Phase : uint8_t { arriving, dialling, relaying, over };

  // Hears of one socket's readiness.
  struct Half final : Readiness::Watcher {
    explicit Half(TcpConnection& c) : connection(c) {}
    void on_ready(Ready ready) override;
    TcpConnection& connection;
    FlowEnd end = {};
  };

  void on_deadline() override;
  void await_header();
  void read_header();
  void dial();
  void on_dialled();
  // Says who the client is, where that is wanted; false when the instance does not take it.
  bool introduce();
  void dial_failed();
  void relay();
  // False: the connection is over.
  bool pump(Flow& flow, Half& source, Half& target, bool& is_done);
  void count_bytes();
  void log_end(End how) const;

  TcpWorker& worker_;
  TcpPort& port_;
  net::Address peer_;  // the client, as a PROXY header has it where that is believed
  std::optional<net::Address> told_server_;  // where the client came to, by that header
  const Instant begun_;
  size_t place_;
  Phase phase_ = Phase::dialling;
  bool header_has_begun_ = false;
  bool client_is_watched_ = false;
  uint32_t attempts_ = 0;
  const uint64_t turn_;
  std::shared_ptr<const TcpEndpoint> endpoint_;
  Half client_;
  Half backend_;
  Flow to_backend_;
  Flow to_client_;
  bool client_is_done_ = false;  // has said its last, and it was passed on
  bool backend_is_done_ = false;
  uint64_t counted_to_backend_ = 0;
  uint64_t counted_to_client_ = 0;
};

}  // namespace causeway::router
