#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/child.h"
#include "rpc/identity.h"

namespace causeway::net {
class Loop;
}

namespace causeway::platform {

// A redis-server, a bbs and an auctioneer of our own, on free ports of the loopback, in a temporary
// folder. Owner: a run. Thread: its loop's. Ends: stop() first, or the servers go on without us.
class OwnServers {
 public:
  struct Options {
    std::string programs;  // folder of bbs and auctioneer
    std::string redis_server = "redis-server";
    Duration converge_interval = std::chrono::seconds(30);
    Duration cell_state_timeout = std::chrono::seconds(10);
    // Redis notes commands that took longer.
    Duration slow_command = std::chrono::milliseconds(5);
    // Present: bbs and auctioneer speak mutual TLS, all with the same certificate.
    rpc::Identity::Files tls = {};
  };
  struct Server {
    std::string name;
    uint16_t port = 0;
    std::unique_ptr<net::Child> child = {};
    bool has_ended = false;
  };

  explicit OwnServers(net::Loop& loop) : loop_(loop) {}
  OwnServers(const OwnServers&) = delete;
  OwnServers& operator=(const OwnServers&) = delete;

  // Until all accept connections.
  Result<void> start(const Options& options);
  // Asks them to end, waits, insists; removes the folder.
  void stop();

  std::string bbs_url() const { return url_of(bbs_); }
  std::string bbs_health_url() const { return "http://127.0.0.1:" + std::to_string(health_port_); }
  uint16_t redis_port() const { return redis_.port; }
  std::vector<const Server*> servers() const { return {&redis_, &bbs_, &auctioneer_}; }

 private:
  Result<void> start_redis(const Options& options);
  Result<void> start_bbs(const Options& options);
  Result<void> start_auctioneer(const Options& options);
  std::string url_of(const Server& server) const {
    return (has_tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(server.port);
  }
  Result<void> spawn(Server& server, std::vector<std::string> command);
  Result<void> wait_until_it_accepts(Server& server);
  Result<void> write(const std::string& name, const std::string& text) const;

  net::Loop& loop_;
  std::string folder_;
  Server redis_{.name = "redis-server"}, bbs_{.name = "bbs"}, auctioneer_{.name = "auctioneer"};
  uint16_t health_port_ = 0, auctioneer_health_port_ = 0;
  bool has_tls_ = false;
};

// The folder of the running program.
std::string own_folder();

}  // namespace causeway::platform
