#include "test/system/router/routed.h"

#include <chrono>
#include <fstream>
#include <sstream>

#include "base/check.h"

namespace causeway::test {
namespace {

constexpr const char* status_authorization =
    "Authorization: Basic c3RhdHVzOnNlY3JldA==\r\n";  // status:secret

std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Calls visit(line) for each line of `text`.
template <class Visit>
void for_each_line(const std::string& text, Visit visit) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) visit(line);
}

size_t occurrences(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

}  // namespace

Routed::Routed(const std::string& more) {
  std::string yaml = more;
  if (more.find("access_log:") == std::string::npos)
    yaml += "\naccess_log: {file: " + folder_.path() + "/access.log}";
  router_ = std::make_unique<RouterBinary>(nats_.port(), yaml);
  CHECK(router_->wait_until_serving());
  registrar_ = std::make_unique<NatsPeer>(nats_.port());
}

void Routed::add(const std::string& uri, uint16_t port, const std::string& more) {
  const size_t wanted = ++endpoints_[uri];
  std::chrono::steady_clock::time_point told;
  const bool is_known = eventually([&] {
    // As a route-emitter does: the router may not have subscribed yet when it is told first.
    if (std::chrono::steady_clock::now() - told > std::chrono::seconds(1)) {
      registrar_->publish("router.register", registration(uri, port, more));
      registrar_->flush();
      told = std::chrono::steady_clock::now();
    }
    const std::string page =
        router_->get(router_->routes_port(), "routes", "/routes", status_authorization).body;
    const size_t at = page.find("\"" + uri + "\":[");
    if (at == std::string::npos) return false;
    return occurrences(page.substr(at, page.find("}]", at) - at), "\"address\":") >= wanted;
  });
  CHECK(is_known);
}

void Routed::remove(const std::string& uri, uint16_t port) {
  registrar_->publish("router.unregister", registration(uri, port));
  registrar_->flush();
  --endpoints_[uri];
}

RawMessage Routed::send(const std::string& text, std::string_view method) const {
  RawSocket client = connect();
  client.send(text);
  return read_reply(client, method);
}

size_t Routed::count_in_log(std::string_view text, std::string_view other, size_t awaited) const {
  if (awaited > 0) eventually([&] { return count_in_log(text, other) >= awaited; });
  size_t count = 0;
  for_each_line(router_->process().output(), [&](const std::string& line) {
    if (line.find(text) != std::string::npos && line.find(other) != std::string::npos) ++count;
  });
  return count;
}

std::string Routed::log_line(std::string_view text, std::string_view other) const {
  std::string found;
  eventually([&] {
    for_each_line(router_->process().output(), [&](const std::string& line) {
      if (line.find(text) != std::string::npos && line.find(other) != std::string::npos)
        found = line;
    });
    return !found.empty();
  });
  return found;
}

std::string Routed::access_line(std::string_view text) const {
  std::string found;
  eventually([&] {
    for_each_line(read_text(folder_.path() + "/access.log"), [&](const std::string& line) {
      if (line.find(text) != std::string::npos) found = line;
    });
    return !found.empty();
  });
  return found;
}

bool Routed::is_quiet() const {
  return eventually([&] {
    return router_->metric("backend_connections") == router_->metric("backend_connections_idle") &&
           router_->metric("client_connections") == 0 && router_->metric("tunnels") == 0;
  });
}

FakeBackend::Serve says(std::string name) {
  return [name = std::move(name)](RawSocket& peer, size_t) {
    for (;;) {
      const RawMessage request = read_request(peer);
      if (!request.is_whole) return;
      std::string lines;
      for_each_line(request.head, [&](const std::string& line) {
        if (line.starts_with("X-Say: ")) lines += line.substr(7) + "\n";
      });
      if (!peer.send(ok_reply(name, lines))) return;
    }
  };
}

}  // namespace causeway::test
