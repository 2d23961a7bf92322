#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "test/support/fake_backend.h"
#include "test/system/router/router_binary.h"

namespace causeway::test {

// A router's binary that serves, its NATS server, and the registrar of its routes. Owner and
// thread: the test's.
class Routed {
 public:
  // `more`: further lines of YAML. Aborts the test program when the router does not start.
  explicit Routed(const std::string& more = {});

  RouterBinary& router() { return *router_; }
  NatsPeer& registrar() { return *registrar_; }
  RawSocket connect() const { return RawSocket::connect(router_->port()); }

  // A route of one or more endpoints; `more`: further members of the message
  // (",\"app\":\"a\""). Returns when the router has them all.
  void add(const std::string& uri, uint16_t port, const std::string& more = {});
  void remove(const std::string& uri, uint16_t port);

  // One request as it stands, on a connection of its own.
  RawMessage send(const std::string& text, std::string_view method = "GET") const;
  RawMessage get(const std::string& host, const std::string& target = "/",
                 const std::string& lines = {}) const {
    return router_->get(router_->port(), host, target, lines);
  }

  // Lines of the component log that hold both texts.
  size_t count_in_log(std::string_view text, std::string_view other, size_t awaited = 0) const;
  // The last of them, "" when there is none in time.
  std::string log_line(std::string_view text, std::string_view other) const;
  // The access log's only line with that text, "" when there is none in time.
  std::string access_line(std::string_view text) const;
  // Nothing is left open: connections to backends, clients and tunnels are gone.
  bool is_quiet() const;

 private:
  NatsServer nats_;
  TempFolder folder_;
  std::unique_ptr<RouterBinary> router_;
  std::unique_ptr<NatsPeer> registrar_;
  std::map<std::string, size_t> endpoints_;  // of each uri
};

// A backend whose replies carry, as header lines, whatever the request's X-Say lines hold. Its body
// is `name`.
FakeBackend::Serve says(std::string name);

}  // namespace causeway::test
