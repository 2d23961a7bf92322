#include "control/route_emitter/emitter_config.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "config/config.h"
#include "config/read_as.h"
#include "diego/debug_server.h"
#include "diego/service_url.h"
#include "diego/tls_keys.h"

namespace causeway::route_emitter {
namespace {

// Diego's keys that have no meaning here: accepted without a word.
constexpr std::array<std::string_view, 18> kAcceptedKeys = {
    "bbs_client_session_cache_size",
    "bbs_max_idle_conns_per_host",
    "consul_cluster",
    "consul_enabled",
    "consul_down_mode_notification_interval",
    "consul_session_name",
    "dropsonde_port",
    "healthcheck_port",
    "locket_client_keepalive_time",
    "locket_client_keepalive_timeout",
    "locket_session_name",
    "loggregator",
    "nats_ca_cert_file",
    "nats_client_cert_file",
    "nats_client_key_file",
    "oauth",
    "report_interval",
    "routing_api"};
constexpr std::array<std::string_view, 5> kAcceptedToo = {"route_emitting_workers", "tcp_route_ttl",
                                                          "token_refresh_interval",
                                                          "tcp_enable_tls", "enable_tls"};

bool is_accepted(std::string_view key) {
  const std::string_view top = key.substr(0, key.find_first_of(".["));
  return std::find(kAcceptedKeys.begin(), kAcceptedKeys.end(), top) != kAcceptedKeys.end() ||
         std::find(kAcceptedToo.begin(), kAcceptedToo.end(), top) != kAcceptedToo.end();
}

// The text of a PEM file that a key names; "" when the key is absent.
std::string read_pem(config::Section& root, std::string_view key) {
  std::string path;
  root.read(key, path);
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (text.empty()) root.problem(key, "cannot be read: \"" + path + "\"");
  return text;
}

void read_nats_tls(config::Section& root, nats::Options& options) {
  bool enabled = false;
  root.read("nats_tls_enabled", enabled);
  if (!enabled) return;
  options.tls = nats::Options::Tls{.authorities = read_pem(root, "nats_ca_cert_file"),
                                   .certificate = read_pem(root, "nats_client_cert_file"),
                                   .key = read_pem(root, "nats_client_key_file"),
                                   .server_name = {}};
  if (!root.has("nats_ca_cert_file")) {
    root.problem("nats_ca_cert_file", "is required by nats_tls_enabled");
  }
  if (options.tls->certificate.empty() != options.tls->key.empty()) {
    root.problem("nats_client_key_file", "certificate and key belong together");
  }
}

// "10.0.0.1:4222,nats://10.0.0.2:4222"
void read_nats(config::Section& root, nats::Options& options) {
  std::string addresses, user, password;
  root.require("nats_addresses", addresses);
  root.read("nats_username", user);
  root.read("nats_password", password);
  read_nats_tls(root, options);
  options.name = "route-emitter";
  options.reconnect_wait = std::chrono::milliseconds(500);  // routes wait for it
  std::string_view rest = addresses;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    std::string_view one = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('/')) one.remove_suffix(1);
    if (one.starts_with("nats://")) one.remove_prefix(7);
    if (one.empty()) continue;
    auto address = net::parse_host_port(one);
    if (!address) {
      root.problem("nats_addresses", "not host:port: \"" + std::string(one) + "\"");
      continue;
    }
    options.servers.push_back({address->host, address->port, user, password});
  }
  if (!addresses.empty() && options.servers.empty()) {
    root.problem("nats_addresses", "names no server");
  }
}

void read_health(config::Section& root, net::Address& target) {
  std::string text;
  root.read("healthcheck_address", text);
  if (text.empty()) return;
  if (text.starts_with(':')) text.insert(0, "0.0.0.0");
  auto parts = net::parse_host_port(text, net::PortZero::allowed);
  auto address = parts ? net::Address::parse(parts->host, parts->port)
                       : Result<net::Address>(std::move(parts).error());
  if (address) {
    target = *address;
  } else {
    root.problem("healthcheck_address", "not ip:port: \"" + text + "\"");
  }
}

const diego::TlsKeys kBbsKeys{
    {"bbs_ca_cert_file"}, {"bbs_client_cert_file"}, {"bbs_client_key_file"}};
const diego::TlsKeys kLocketKeys{
    {"locket_ca_cert_file"}, {"locket_client_cert_file"}, {"locket_client_key_file"}};

void read_bbs(config::Section& root, EmitterConfig& config) {
  config.bbs_tls = diego::read_tls_files(root, kBbsKeys);
  root.require("bbs_address", config.bbs_url);
  diego::complete_url(root, "bbs_address", config.bbs_url);
  diego::require_files(root, "bbs_address", config.bbs_url, config.bbs_tls, kBbsKeys);
}

void read_lock(config::Section& root, EmitterConfig& config) {
  bool enabled = false;
  root.read("locket_enabled", enabled);  // as some releases name it
  root.read("locks_locket_enabled", enabled);
  root.read("uuid", config.uuid);
  root.read("lock_ttl", config.lock_ttl);
  root.read("lock_retry_interval", config.lock_retry_interval);
  // Emitters of one cell have nothing to share.
  config.locket_tls = diego::read_tls_files(root, kLocketKeys);
  const bool is_tls = !config.locket_tls.certificate.empty();
  if (!is_tls) config.locket_tls = config.bbs_tls;
  if (enabled && config.cell_id.empty()) {
    // Diego writes it without a scheme, and always speaks TLS to it.
    root.require("locket_address", config.locket_url);
    diego::complete_url(root, "locket_address", config.locket_url, is_tls ? "https" : "http");
    diego::require_files(root, "locket_address", config.locket_url, config.locket_tls, kLocketKeys);
  } else {
    std::string unused;
    root.read("locket_address", unused);
  }
}

void read_log(config::Section& root, EmitterConfig& config) {
  std::string level = "info", time_format = "rfc3339";
  root.read_choice("log_level", level, {"debug", "info", "warn", "error", "fatal"});
  root.read_choice("time_format", time_format, {"rfc3339", "unix-epoch", "epoch"});
  if (!log::parse_level(level, config.log_level)) return;
  config.time_format =
      time_format == "rfc3339" ? log::TimeFormat::rfc3339 : log::TimeFormat::unix_epoch;
}

void read_positive(config::Section& root, std::string_view key, Duration& target) {
  root.read(key, target);
  if (target < std::chrono::milliseconds(1)) root.problem(key, "must be at least 1ms");
}

Result<LoadedConfig> read_file(config::File& file) {
  LoadedConfig loaded;
  EmitterConfig& config = loaded.config;
  config::Section root = file.root();
  root.read("cell_id", config.cell_id);
  read_bbs(root, config);
  read_nats(root, config.nats);
  read_health(root, config.health_address);
  config.debug_address = diego::read_debug_address(root);
  read_lock(root, config);
  read_log(root, config);
  read_positive(root, "communication_timeout", config.communication_timeout);
  read_positive(root, "sync_interval", config.sync_interval);
  read_positive(root, "register_interval", config.register_interval);
  read_positive(root, "unregistration_interval", config.unregistration_interval);
  root.read("unregistration_send_count", config.unregistration_send_count, {.min = 0, .max = 1000});
  root.read("jitter_factor", config.jitter_factor);
  if (!(config.jitter_factor >= 0 && config.jitter_factor < 1)) {
    root.problem("jitter_factor", "not from 0 to below 1");
  }
  bool direct = false;
  root.read("register_direct_instance_routes", direct);
  if (direct) config.reach = Reach::direct;
  root.read("enable_tcp_emitter", config.serves.tcp);
  if (config.serves.tcp) config.routing_api = read_routing_api(root);
  root.read("enable_internal_emitter", config.serves.internal);
  if (!file.problems().empty()) {
    return Error{.fault = Fault::invalid, .detail = file.problem_text()};
  }
  for (std::string& key : root.unknown_keys()) {
    if (!is_accepted(key)) loaded.unknown_keys.push_back(std::move(key));
  }
  return loaded;
}

}  // namespace

Result<LoadedConfig> read_config(const std::string& path) {
  return config::read_as(path, read_file);
}

Result<LoadedConfig> parse_config(std::string_view text, std::string name) {
  return config::parse_as(text, std::move(name), read_file);
}

}  // namespace causeway::route_emitter
