#include "test/system/router/router_binary.h"

#include <cstdlib>
#include <fstream>

#include "base/check.h"

namespace causeway::test {

namespace {

// A line of YAML, "" when `more` has that key.
std::string unless_in(const std::string& more, const std::string& line) {
  const std::string key = line.substr(0, line.find(':') + 1);
  return more.find(key) == std::string::npos ? line + "\n" : "";
}

// Not open when nobody listens.
RawSocket try_connect(uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    return RawSocket(descriptor);
  }
  ::close(descriptor);
  return {};
}

}  // namespace

RouterBinary::RouterBinary(uint16_t nats_port, const std::string& more,
                           const std::string& status_more)
    : port_(free_port()),
      status_port_(free_port()),
      routes_port_(free_port()),
      metrics_port_(free_port()) {
  const std::string config = path("router.yml");
  std::ofstream(config) << "port: " << port_ << "\nstatus: {host: 127.0.0.1, port: " << status_port_
                        << ", user: status, pass: secret, routes: {port: " << routes_port_ << "}"
                        << status_more << "}\n"
                        << unless_in(more,
                                     "prometheus: {port: " + std::to_string(metrics_port_) + "}")
                        << unless_in(more, "nats: {hosts: [{hostname: 127.0.0.1, port: " +
                                               std::to_string(nats_port) + "}]}")
                        << unless_in(more, "workers: 2")
                        << unless_in(more, "disable_keep_alives: false")
                        << unless_in(more, "max_idle_conns_per_host: 100")
                        << unless_in(more, "start_response_delay_interval: 100ms")
                        << unless_in(more, "logging: {level: debug, format: {timestamp: rfc3339}}")
                        << more << "\n";
  command_ = {own_binary("router"), "-c", config};
  process_ = std::make_unique<Process>(command_, path("router.log"));
}

RawMessage RouterBinary::get(uint16_t port, const std::string& host, const std::string& target,
                             const std::string& lines) const {
  RawSocket socket = try_connect(port);
  if (!socket.is_open()) return {};
  socket.send("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n" + lines +
              "\r\n");
  return read_reply(socket);
}

double RouterBinary::metric(const std::string& line) const {
  const std::string text = "\n" + get(metrics_port_, "metrics", "/metrics").body;
  const size_t at = text.find("\n" + line + " ");
  return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + line.size() + 2, nullptr);
}

double RouterBinary::metric(const std::string& line, double awaited) const {
  eventually([&] { return metric(line) == awaited; });
  return metric(line);
}

void settle(const RouterBinary& router, NatsPeer& peer) {
  const std::string message = registration("settle.invalid", 1);
  const double before = router.metric("total_routes");
  const auto becomes = [&](std::string_view subject, double routes) {
    return eventually([&] {
      peer.publish(subject, message);
      peer.flush();
      return router.metric("total_routes") == routes;
    });
  };
  CHECK(becomes("router.register", before + 1));
  CHECK(becomes("router.unregister", before));
}

std::string registration(const std::string& uri, uint16_t port, const std::string& more) {
  return R"({"host":"127.0.0.1","port":)" + std::to_string(port) + R"(,"uris":[")" + uri + "\"]" +
         more + "}";
}

}  // namespace causeway::test
