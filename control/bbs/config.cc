#include "control/bbs/config.h"

#include <memory>
#include <utility>

#include "config/config.h"
#include "config/read_as.h"
#include "diego/debug_server.h"
#include "diego/service_url.h"
#include "diego/tls_keys.h"
#include "log/logger.h"
#include "net/address.h"

namespace causeway::bbs {

namespace {

// Diego's keys for what is done otherwise here (storage, worker pools), or not yet.
constexpr const char* kUnused[] = {"advertise_url",
                                   "cell_registrations_locket_enabled",
                                   "consul_cluster",
                                   "database_connection_string",
                                   "database_driver",
                                   "desired_lrp_creation_timeout",
                                   "detect_consul_cell_registrations",
                                   "enable_consul_service_registration",
                                   "locket_address",
                                   "locket_ca_cert_file",
                                   "locket_client_cert_file",
                                   "locket_client_keepalive_time",
                                   "locket_client_keepalive_timeout",
                                   "locket_client_key_file",
                                   "max_data_string_length",
                                   "max_idle_database_connections",
                                   "max_open_database_connections",
                                   "redact_patterns",
                                   "redact_secrets",
                                   "rep_client_session_cache_size",
                                   "report_interval",
                                   "session_name",
                                   "skip_consul_lock",
                                   "sql_ca_cert_file",
                                   "sql_enable_identity_verification",
                                   "update_workers",
                                   "loggregator",
                                   "db_health_check"};

void read_address(config::Section& root, const char* key, std::string& target) {
  root.read(key, target);
  const auto split = net::parse_host_port(target);
  if (!split || !net::Address::parse(split->host, split->port))
    root.problem(key, "not an IP address with a port: \"" + target + "\"");
}

// Files mean TLS, unless `require_ssl` says otherwise.
void read_server_tls(config::Section& root, Config& config) {
  bool requires_ssl = false;
  root.read("require_ssl", requires_ssl);
  if (root.has("require_ssl") && !requires_ssl) {
    for (const char* key : {"ca_file", "cert_file", "key_file"}) root.json(key);
    return;
  }
  config.tls = diego::read_tls_files(root, {{"ca_file"}, {"cert_file"}, {"key_file"}});
  if (!config.tls.certificate.empty()) return;
  if (requires_ssl) root.problem("require_ssl", "needs ca_file, cert_file and key_file");
  if (!config.tls.is_empty()) root.problem("ca_file", "needs cert_file and key_file");
}

void read_tls(config::Section& root, Config& config) {
  const diego::TlsKeys auctioneer{
      {"auctioneer_ca_cert"}, {"auctioneer_client_cert"}, {"auctioneer_client_key"}};
  config.auctioneer_tls = diego::read_tls_files(root, auctioneer);
  config.rep_tls =
      diego::read_tls_files(root, {{"rep_ca_cert"}, {"rep_client_cert"}, {"rep_client_key"}});
  bool auctioneer_requires_tls = false;
  root.read("auctioneer_require_tls", auctioneer_requires_tls);
  root.read("rep_require_tls", config.rep_requires_tls);
  if (config.rep_requires_tls && config.rep_tls.certificate.empty())
    root.problem("rep_require_tls", "needs rep_ca_cert, rep_client_cert and rep_client_key");
  diego::require_files(root, "auctioneer_address", config.auctioneer_address, config.auctioneer_tls,
                       auctioneer);
  if (auctioneer_requires_tls && !diego::is_https(config.auctioneer_address))
    root.problem("auctioneer_address", "auctioneer_require_tls asks for https");
}

Result<Config> read_file(config::File& file) {
  Config config;
  config::Section root = file.root();
  read_address(root, "listen_address", config.listen_address);
  read_address(root, "health_address", config.health_address);
  root.read("locket_listen_address", config.locket_listen_address);
  if (!config.locket_listen_address.empty())
    read_address(root, "locket_listen_address", config.locket_listen_address);
  root.read("access_log_path", config.access_log_path);
  config::Section advanced_metrics = root.section("advanced_metrics");
  advanced_metrics.read("enabled", config.advanced_metrics);
  if (advanced_metrics.has("route_config"))
    config.unused_keys.emplace_back("advanced_metrics.route_config");
  root.require("auctioneer_address", config.auctioneer_address);
  read_server_tls(root, config);
  read_tls(root, config);
  config.debug_address = diego::read_debug_address(root);
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
  root.read("event_streams_max", config.event_streams_max, {.min = 1, .max = 100'000});
  root.read("keep_rows_in_memory", config.keep_rows_in_memory);
  root.read("kept_rows_reread_interval", config.kept_rows_reread_interval);
  if (config.kept_rows_reread_interval < std::chrono::seconds(1))
    root.problem("kept_rows_reread_interval", "less than 1s");
  config.store = read_store_config(root);
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

Result<Config> read_config(const std::string& path) { return config::read_as(path, read_file); }

Result<Config> parse_config(std::string_view text, const std::string& name) {
  return config::parse_as(text, name, read_file);
}

}  // namespace causeway::bbs
