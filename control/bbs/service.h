#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "control/bbs/config.h"
#include "net/address.h"

namespace causeway::log {
class Logger;
}
namespace causeway::metrics {
class Registry;
}
namespace causeway::net {
class Loop;
}
namespace causeway::rpc {
class Identity;
}
namespace causeway::store {
class Store;
}

namespace causeway::bbs {

class Outbox;

// A whole bbs without its process: everything between the store and the sockets, wired. Owner:
// main(), or a test. Thread: its loop's. Ends: with its owner, in any state.
class Service {
 public:
  struct World {
    net::Loop& loop;
    store::Store& store;
    Outbox& outbox;
    const Clock& clock;
    const log::Logger& logger;
    metrics::Registry& registry;
    std::function<std::string()> new_guid;
    rpc::Identity* identity = nullptr;  // the API speaks TLS
    // Whether nobody else can lead at this moment; absent: nobody ever can.
    std::function<bool()> is_sure = {};
  };

  Service(const World& world, const Config& config);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  // Answers where it listens.
  Result<net::Address> listen(const net::Address& address);
  // /health and /metrics.
  Result<net::Address> listen_health(const net::Address& address);
  // Locket over gRPC, for who speaks nothing else; with TLS if there is an identity, which offers
  // "h2". At most once.
  Result<net::Address> listen_locket(const net::Address& address, const rpc::Identity* identity);
  // Leads from now on: keeps rows, converges. `shards`: how the state is cut.
  void start(size_t shards = 1);
  // Stops accepting; event streams end, calls are answered.
  void drain();
  bool is_idle() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace causeway::bbs
