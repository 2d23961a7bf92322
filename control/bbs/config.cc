#include "control/bbs/config.h"

#include <memory>
#include <utility>

#include "config/config.h"
#include "log/logger.h"
#include "net/address.h"

namespace causeway::bbs {

namespace {

// Diego's keys for what is done otherwise here (storage, worker pools), or not yet.
constexpr const char* kUnused[] = {"advertise_url",
                                   "cell_registrations_locket_enabled",
                                   "database_connection_string",
                                   "database_driver",
                                   "debug_address",
                                   "desired_lrp_creation_timeout",
                                   "enable_consul_service_registration",
                                   "lock_retry_interval",
                                   "lock_ttl",
                                   "locket_address",
                                   "locket_ca_cert_file",
                                   "locket_client_cert_file",
                                   "locket_client_key_file",
                                   "max_data_string_length",
                                   "max_idle_database_connections",
                                   "max_open_database_connections",
                                   "rep_client_session_cache_size",
                                   "report_interval",
                                   "session_name",
                                   "sql_ca_cert_file",
                                   "sql_enable_identity_verification",
                                   "update_workers",
                                   "uuid",
                                   "loggregator",
                                   "advanced_metrics",
                                   "db_health_check"};
constexpr const char* kTlsFiles[] = {"ca_file",
                                     "cert_file",
                                     "key_file",
                                     "auctioneer_ca_cert",
                                     "auctioneer_client_cert",
                                     "auctioneer_client_key",
                                     "rep_ca_cert",
                                     "rep_client_cert",
                                     "rep_client_key"};

void read_address(config::Section& root, const char* key, std::string& target) {
  root.read(key, target);
  const auto split = net::parse_host_port(target);
  if (!split || !net::Address::parse(split->host, split->port))
    root.problem(key, "not an IP address with a port: \"" + target + "\"");
}

// What would silently give less security or safety than asked for.
void refuse_unbuilt(config::Section& root) {
  bool require_ssl = false;
  root.read("require_ssl", require_ssl);
  if (require_ssl) root.problem("require_ssl", "TLS is not supported yet; set it to false");
  for (const char* key : kTlsFiles) {
    std::string file;
    root.read(key, file);
    if (!file.empty() && !root.has("require_ssl"))
      root.problem(key, "TLS is not supported yet; set require_ssl to false");
  }
  for (const char* key : {"auctioneer_require_tls", "rep_require_tls"}) {
    bool require = false;
    root.read(key, require);
    if (require) root.problem(key, "TLS is not supported yet; set it to false");
  }
  std::string label;
  root.read("active_key_label", label);
  if (!label.empty() || !root.json("encryption_keys").empty())
    root.problem(label.empty() ? "encryption_keys" : "active_key_label",
                 "encryption at rest is not supported yet");
  bool lock = false;
  root.read("locks_locket_enabled", lock);
  if (lock)
    root.problem("locks_locket_enabled",
                 "stand-by bbs are not supported yet: run one, and set it to false");
}

void read_redis(config::Section redis, Config& config) {
  redis.read("host", config.redis_host);
  redis.read("port", config.redis_port, {.min = 1, .max = 65535});
  redis.read("user", config.redis_user);
  redis.read("password", config.redis_password);
  redis.read("database", config.redis_database, {.min = 0});
}

Result<Config> read_file(config::File& file) {
  Config config;
  config::Section root = file.root();
  read_address(root, "listen_address", config.listen_address);
  read_address(root, "health_address", config.health_address);
  root.read("access_log_path", config.access_log_path);
  root.require("auctioneer_address", config.auctioneer_address);
  if (config.auctioneer_address.starts_with("https:"))
    root.problem("auctioneer_address", "TLS is not supported yet; use http");
  root.read("log_level", config.log_level);
  log::Level level{};
  if (!log::parse_level(config.log_level, level))
    root.problem("log_level", "not one of debug, info, warn, error");
  root.read_choice("time_format", config.time_format, {"rfc3339", "unix-epoch", "epoch"});
  root.read("communication_timeout", config.communication_timeout);
  root.read("converge_repeat_interval", config.converge_repeat_interval);
  root.read("kick_task_duration", config.kick_task_duration);
  root.read("expire_completed_task_duration", config.expire_completed_task_duration);
  root.read("expire_pending_task_duration", config.expire_pending_task_duration);
  if (config.converge_repeat_interval < std::chrono::milliseconds(10))
    root.problem("converge_repeat_interval", "less than 10ms");
  root.read("convergence_workers", config.convergence_workers, {.min = 1, .max = 10'000});
  root.read("task_callback_workers", config.task_callback_workers, {.min = 1, .max = 100'000});
  root.read("max_task_retries", config.max_task_retries, {.min = 0});
  read_redis(root.section("redis"), config);
  refuse_unbuilt(root);
  for (const char* key : kUnused) {
    if (root.has(key)) config.unused_keys.emplace_back(key);
  }
  for (const std::string& key : root.unknown_keys()) {
    bool unused = false;
    for (const auto& known : config.unused_keys)
      unused |= key == known || key.starts_with(known + ".");
    if (!unused) config.unknown_keys.push_back(key);
  }
  if (!file.problems().empty())
    return Error{.fault = Fault::invalid, .detail = file.problem_text()};
  while (config.auctioneer_address.ends_with('/')) config.auctioneer_address.pop_back();
  return config;
}

}  // namespace

Result<Config> read_config(const std::string& path) {
  auto file = config::File::read(path);
  if (!file) return std::move(file.error());
  return read_file(**file);
}

Result<Config> parse_config(std::string_view text, const std::string& name) {
  auto file = config::File::parse(text, name);
  if (!file) return std::move(file.error());
  return read_file(**file);
}

}  // namespace causeway::bbs
