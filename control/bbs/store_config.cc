#include "control/bbs/store_config.h"

#include <utility>
#include <vector>

#include "config/config.h"
#include "net/address.h"

namespace causeway::bbs {

namespace {

constexpr uint32_t kClusterShards = 16;

void read_redis_tls(config::Section& redis, StoreConfig& config) {
  bool is_enabled = false;
  redis.read("tls", is_enabled);
  redis.read("server_name", config.redis.tls_server_name);
  rpc::Identity::Files files;
  redis.read("ca_file", files.authorities);
  redis.read("cert_file", files.certificate);
  redis.read("key_file", files.key);
  if (!is_enabled) {
    for (const char* key : {"ca_file", "cert_file", "key_file"})
      if (redis.has(key)) redis.problem(key, "without effect: tls is not set");
    return;
  }
  if (auto fits = rpc::Identity::check(files); !fits) {
    const std::string& reason = fits.error().detail;
    const bool is_of_ca = !files.authorities.empty() && reason.starts_with(files.authorities);
    return redis.problem(is_of_ca ? "ca_file" : "cert_file", reason);
  }
  config.redis_tls = std::move(files);
}

void read_nodes(config::Section& redis, redis::Options& options) {
  std::vector<std::string> nodes;
  redis.read("nodes", nodes);
  for (const std::string& node : nodes) {
    auto parts = net::parse_host_port(node);
    if (!parts) {
      redis.problem("nodes", "not host:port: \"" + node + "\"");
      continue;
    }
    options.nodes.push_back({parts->host, parts->port});
  }
}

void read_topology(config::Section& redis, redis::Options& options) {
  std::string topology = "single";
  redis.read_choice("topology", topology, {"single", "sentinel", "cluster"});
  read_nodes(redis, options);
  redis.read("primary_name", options.primary_name);
  redis.read("sentinel_user", options.sentinel_user);
  redis.read("sentinel_password", options.sentinel_password);
  if (topology == "single") {
    if (!options.nodes.empty()) redis.problem("nodes", "for topology sentinel or cluster only");
    return;
  }
  options.topology = topology == "sentinel" ? redis::Topology::sentinel : redis::Topology::cluster;
  if (options.nodes.empty()) redis.problem("nodes", "names no server");
  if (redis.has("host") || redis.has("port"))
    redis.problem("host", "for topology single only; name servers in nodes");
  if (topology == "cluster" && options.database != 0)
    redis.problem("database", "a cluster has database 0 only");
}

void read_redis(config::Section redis, StoreConfig& config) {
  redis::Options& options = config.redis;
  redis.read("host", options.host);
  redis.read("port", options.port, {.min = 1, .max = 65535});
  redis.read("user", options.user);
  redis.read("password", options.password);
  if (!options.user.empty() && options.password.empty())
    redis.problem("password", "missing, though user is set");
  redis.read("database", options.database, {.min = 0});
  read_topology(redis, options);
  read_redis_tls(redis, config);
  if (options.topology == redis::Topology::cluster) config.shards = kClusterShards;
  config.insists_on_shards = redis.has("shards");
  redis.read("shards", config.shards, {.min = 1, .max = 1024});
  redis.read("wait_replicas", config.wait_replicas, {.min = 0, .max = 100});
  redis.read("wait_timeout", config.wait_timeout);
  if (config.wait_timeout < std::chrono::milliseconds(1) ||
      config.wait_timeout >= options.command_timeout)
    redis.problem("wait_timeout", "not from 1ms to below 5s");
  redis.read_choice("appendfsync", config.appendfsync, {"always", "everysec", "no", "unchecked"});
  redis.read("reencryption_rows_per_second", config.reencryption_rows_per_second,
             {.min = 1, .max = 1'000'000});
}

void read_keys(config::Section& root, StoreConfig& config) {
  std::string active;
  std::map<std::string, std::string> passphrases;
  root.read("active_key_label", active);
  root.read("encryption_keys", passphrases);
  if (active.empty() && passphrases.empty()) return;
  if (active.empty()) return root.problem("active_key_label", "missing, though there are keys");
  auto keys = store::KeyRing::make(passphrases, active);
  if (!keys) return root.problem("encryption_keys", keys.error().detail);
  config.keys = std::move(*keys);
}

void read_lock(config::Section& root, StoreConfig& config) {
  root.read("locks_locket_enabled", config.stands_by);
  root.read("lock_ttl", config.lock_ttl);
  root.read("lock_retry_interval", config.lock_retry_interval);
  root.read("uuid", config.uuid);
  if (config.lock_ttl < std::chrono::seconds(1)) root.problem("lock_ttl", "less than 1s");
  if (config.lock_retry_interval < std::chrono::milliseconds(10) ||
      config.lock_retry_interval >= config.lock_ttl)
    root.problem("lock_retry_interval", "not from 10ms to below lock_ttl");
  if (config.uuid.find_first_of(" \r\n") != std::string::npos)
    root.problem("uuid", "has spaces in it");
}

}  // namespace

std::string StoreConfig::place() const {
  if (redis.nodes.empty()) return redis.host + ":" + std::to_string(redis.port);
  std::string text = redis.topology == redis::Topology::sentinel ? "sentinel" : "cluster";
  for (const auto& node : redis.nodes) text += " " + node.host + ":" + std::to_string(node.port);
  return text;
}

StoreConfig read_store_config(config::Section& root) {
  StoreConfig config;
  read_redis(root.section("redis"), config);
  read_keys(root, config);
  read_lock(root, config);
  return config;
}

}  // namespace causeway::bbs
