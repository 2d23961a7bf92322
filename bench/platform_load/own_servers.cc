#include "bench/platform_load/own_servers.h"

#include <stdlib.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include "json/json.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/timer.h"

namespace causeway::platform {
namespace {

using namespace std::chrono_literals;

constexpr Duration start_limit = 30s;
constexpr Duration stop_limit = 20s;

// A port that is free now, below the range of outgoing connections and apart from those that
// another process like this one begins with.
Result<uint16_t> free_port(net::Loop& loop) {
  static uint16_t next = static_cast<uint16_t>(12'000 + ::getpid() * 16 % 8'000);
  Error last;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    next = next >= 20'000 ? 12'000 : static_cast<uint16_t>(next + 1);
    const auto listener = net::Listener::open(loop, net::Address::loopback(next),
                                              [](std::unique_ptr<net::Stream>) {});
    if (listener) return next;
    last = listener.error();
  }
  return last;
}

std::string text_of(Duration duration) {
  return std::to_string(std::chrono::duration_cast<Milliseconds>(duration).count()) + "ms";
}

std::string address(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

void add_keys(json::Writer& config, const rpc::Identity::Files& files, const char* authorities,
              const char* certificate, const char* key) {
  if (files.is_empty()) return;
  config.member(authorities, files.authorities);
  config.member(certificate, files.certificate).member(key, files.key);
}

}  // namespace

std::string own_folder() {
  std::error_code failed;
  return std::filesystem::read_symlink("/proc/self/exe", failed).parent_path().string();
}

Result<void> OwnServers::write(const std::string& name, const std::string& text) const {
  std::ofstream file(folder_ + "/" + name);
  file << text;
  if (file.flush()) return {};
  return Error{.fault = Fault::io, .detail = "cannot write " + folder_ + "/" + name};
}

Result<void> OwnServers::start(const Options& options) {
  std::string name = (std::filesystem::temp_directory_path() / "causeway-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    return Error{.fault = Fault::io, .detail = "cannot make a folder " + name};
  folder_ = name;
  has_tls_ = !options.tls.is_empty();
  for (uint16_t* port :
       {&redis_.port, &bbs_.port, &health_port_, &auctioneer_.port, &auctioneer_health_port_}) {
    const auto found = free_port(loop_);
    if (!found) return found.error();
    *port = *found;
  }
  if (auto started = start_redis(options); !started) return started;
  if (auto started = start_bbs(options); !started) return started;
  return start_auctioneer(options);
}

Result<void> OwnServers::start_redis(const Options& options) {
  const auto slow = std::chrono::duration_cast<std::chrono::microseconds>(options.slow_command);
  return spawn(redis_, {options.redis_server, "--port", std::to_string(redis_.port), "--bind",
                        "127.0.0.1", "--dir", folder_, "--save", "", "--appendonly", "yes",
                        "--appendfsync", "everysec", "--slowlog-log-slower-than",
                        std::to_string(slow.count()), "--slowlog-max-len", "1000"});
}

Result<void> OwnServers::start_bbs(const Options& options) {
  json::Writer config;
  config.object().member("listen_address", address(bbs_.port));
  config.member("health_address", address(health_port_)).member("require_ssl", has_tls_);
  config.member("auctioneer_address", url_of(auctioneer_));
  config.member("converge_repeat_interval", text_of(options.converge_interval));
  add_keys(config, options.tls, "ca_file", "cert_file", "key_file");
  add_keys(config, options.tls, "auctioneer_ca_cert", "auctioneer_client_cert",
           "auctioneer_client_key");
  add_keys(config, options.tls, "rep_ca_cert", "rep_client_cert", "rep_client_key");
  config.key("redis").object().member("host", "127.0.0.1").member("port", redis_.port).end();
  if (auto written = write("bbs.json", config.end().take()); !written) return written;
  return spawn(bbs_, {options.programs + "/bbs", "--config", folder_ + "/bbs.json"});
}

Result<void> OwnServers::start_auctioneer(const Options& options) {
  json::Writer config;
  config.object().member("bbs_address", bbs_url());
  config.member("listen_address", address(auctioneer_.port));
  config.member("health_address", address(auctioneer_health_port_));
  config.member("cell_state_timeout", text_of(options.cell_state_timeout));
  add_keys(config, options.tls, "ca_cert_file", "server_cert_file", "server_key_file");
  add_keys(config, options.tls, "bbs_ca_cert_file", "bbs_client_cert_file", "bbs_client_key_file");
  add_keys(config, options.tls, "rep_ca_cert", "rep_client_cert", "rep_client_key");
  if (auto written = write("auctioneer.json", config.end().take()); !written) return written;
  return spawn(auctioneer_,
               {options.programs + "/auctioneer", "--config", folder_ + "/auctioneer.json"});
}

Result<void> OwnServers::spawn(Server& server, std::vector<std::string> command) {
  const std::string log = folder_ + "/" + server.name + ".log";
  net::Child::Command how;
  how.argv = std::move(command);
  how.stdout_path = how.stderr_path = log;
  net::Child::Events events;
  events.on_exit = [&server](net::ChildExit) { server.has_ended = true; };
  auto child = net::Child::spawn(loop_, how, std::move(events));
  if (!child)
    return Error{.fault = child.error().fault,
                 .os = child.error().os,
                 .detail = "cannot start " + server.name + ": " + to_string(child.error())};
  server.child = std::move(*child);
  return wait_until_it_accepts(server);
}

Result<void> OwnServers::wait_until_it_accepts(Server& server) {
  net::Timer tick(loop_);
  tick.every(5ms, [] {});
  const Instant deadline = std::chrono::steady_clock::now() + start_limit;
  while (!server.has_ended && std::chrono::steady_clock::now() < deadline) {
    std::optional<bool> accepts;
    const auto connector =
        net::Connector::start(loop_, net::Address::loopback(server.port), {.timeout = 1s},
                              [&accepts](const auto& stream) { accepts = stream.has_value(); });
    while (!accepts) loop_.run_once();
    if (*accepts) return {};
    loop_.run_once();
  }
  std::string said, line;
  std::ifstream log(folder_ + "/" + server.name + ".log");
  while (std::getline(log, line)) said = line;
  return Error{.fault = Fault::unavailable,
               .detail = server.name +
                         (server.has_ended ? " ended at once: " : " does not listen: ") + said};
}

void OwnServers::stop() {
  if (folder_.empty()) return;
  net::Timer tick(loop_);
  tick.every(5ms, [] {});
  Server* const all[] = {&auctioneer_, &bbs_, &redis_};
  for (Server* server : all) {
    if (server->child) server->child->kill(SIGTERM);
    const Instant deadline = std::chrono::steady_clock::now() + stop_limit;
    while (server->child && !server->has_ended) {
      if (std::chrono::steady_clock::now() > deadline) server->child->kill(SIGKILL);
      loop_.run_once();
    }
    server->child.reset();
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  folder_.clear();
}

}  // namespace causeway::platform
