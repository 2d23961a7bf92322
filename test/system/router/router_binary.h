#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "test/support/nats_peer.h"
#include "test/support/process.h"
#include "test/support/raw_client.h"
#include "test/support/server_process.h"

namespace causeway::test {

// The router's binary with a configuration, a folder and ports of its own. Owner and thread: the
// test's.
class RouterBinary {
 public:
  // `more`: further lines of YAML; `status_more`: further members of `status`.
  explicit RouterBinary(uint16_t nats_port, const std::string& more = {},
                        const std::string& status_more = {});

  // Until it takes requests.
  bool wait_until_serving() { return process_->wait_for_output("gorouter.started"); }
  Process& process() const { return *process_; }
  uint16_t port() const { return port_; }
  uint16_t status_port() const { return status_port_; }
  uint16_t routes_port() const { return routes_port_; }
  uint16_t metrics_port() const { return metrics_port_; }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }
  const std::vector<std::string>& command() const { return command_; }

  // One request on a connection of its own; status 0 when there is no whole answer.
  RawMessage get(uint16_t port, const std::string& host, const std::string& target,
                 const std::string& lines = {}) const;
  int status_of(const std::string& host, const std::string& target = "/") const {
    return get(port_, host, target).status();
  }
  int health() const { return get(status_port_, "health", "/health").status(); }
  // Value of a metric line without its value; -1 when absent.
  double metric(const std::string& line) const;
  // Counters may be a moment behind the reply: waits a while until it is that.
  double metric(const std::string& line, double awaited) const;

 private:
  TempFolder folder_;
  uint16_t port_;
  uint16_t status_port_;
  uint16_t routes_port_;
  uint16_t metrics_port_;
  std::vector<std::string> command_;
  std::unique_ptr<Process> process_;
};

// A registration of 127.0.0.1:port for one uri; `more`: further members (",\"app\":\"a\"").
std::string registration(const std::string& uri, uint16_t port, const std::string& more = {});

// Returns when the router hears what the peer publishes: its subscription may reach the server
// later than it says that it has started. Leaves no route behind.
void settle(const RouterBinary& router, NatsPeer& peer);

}  // namespace causeway::test
