#include "control/auctioneer/settings.h"

#include <array>
#include <memory>
#include <utility>

#include "config/config.h"
#include "config/read_as.h"
#include "diego/debug_server.h"
#include "diego/service_url.h"
#include "diego/tls_keys.h"

namespace causeway::auctioneer {

namespace {

// Keys of Diego's that have no effect here. Read, so that they are not reported as unknown.
constexpr std::array<const char*, 12> kPassedOverKeys{"bbs_client_session_cache_size",
                                                      "bbs_max_idle_conns_per_host",
                                                      "consul_cluster",
                                                      "dropsonde_port",
                                                      "enable_consul_service_registration",
                                                      "locket_client_keepalive_time",
                                                      "locket_client_keepalive_timeout",
                                                      "loggregator",
                                                      "max_data_string_length",
                                                      "rep_client_session_cache_size",
                                                      "report_interval",
                                                      "skip_consul_lock"};

void read_address(config::Section& root, const char* key, net::Address& address) {
  std::string text;
  root.read(key, text);
  if (text.empty()) return;
  auto parts = net::parse_host_port(text);
  if (!parts) return root.problem(key, "not host:port: \"" + text + "\"");
  auto parsed = net::Address::parse(parts->host.empty() ? "0.0.0.0" : parts->host, parts->port);
  if (!parsed) return root.problem(key, "not an IP address: \"" + text + "\"");
  address = *parsed;
}

const diego::TlsKeys kBbsKeys{
    {"bbs_ca_cert_file"}, {"bbs_client_cert_file"}, {"bbs_client_key_file"}};
const diego::TlsKeys kRepKeys{{"rep_ca_cert"}, {"rep_client_cert"}, {"rep_client_key"}};
const diego::TlsKeys kLocketKeys{
    {"locket_ca_cert_file"}, {"locket_client_cert_file"}, {"locket_client_key_file"}};
const diego::TlsKeys kServerKeys{{"ca_cert_file"}, {"server_cert_file"}, {"server_key_file"}};

void read_tls(config::Section& root, Settings& settings) {
  settings.bbs_tls = diego::read_tls_files(root, kBbsKeys);
  settings.rep_tls = diego::read_tls_files(root, kRepKeys);
  settings.locket_tls = diego::read_tls_files(root, kLocketKeys);
  settings.server_tls = diego::read_tls_files(root, kServerKeys);
  // The authorities alone ask for nothing.
  if (settings.server_tls.certificate.empty()) settings.server_tls = {};
  root.read("rep_require_tls", settings.rep_requires_tls);
  if (settings.rep_requires_tls && settings.rep_tls.certificate.empty())
    root.problem("rep_require_tls", "needs rep_ca_cert, rep_client_cert and rep_client_key");
}

void read_logging(config::Section& root, Settings& settings) {
  std::string level = "info";
  root.read("log_level", level);
  if (!log::parse_level(level, settings.log_level)) {
    root.problem("log_level", "not debug, info, warn or error: \"" + level + "\"");
  }
  std::string format = "rfc3339";
  root.read_choice("time_format", format, {"rfc3339", "unix-epoch", "epoch"});
  if (format != "rfc3339") settings.time_format = log::TimeFormat::unix_epoch;
}

void read_lock(config::Section& root, Settings& settings) {
  bool is_enabled = false;
  std::string& address = settings.locket_url;
  root.read("locks_locket_enabled", is_enabled);
  root.read("locket_address", address);
  root.read("lock_ttl", settings.lock_ttl);
  root.read("lock_retry_interval", settings.lock_retry_interval);
  if (is_enabled && address.empty())
    root.problem("locket_address", "missing, though locks_locket_enabled is set");
  if (address.empty()) return;
  // Diego writes it without a scheme, and always speaks TLS to it.
  const bool is_tls = !settings.locket_tls.certificate.empty();
  diego::complete_url(root, "locket_address", address, is_tls ? "https" : "http");
  if (!is_tls) settings.locket_tls = settings.bbs_tls;
  diego::require_files(root, "locket_address", address, settings.locket_tls, kLocketKeys);
}

Result<Settings> settings_from(config::File& file) {
  config::Section root = file.root();
  Settings settings;
  root.require("bbs_address", settings.bbs_url);
  diego::complete_url(root, "bbs_address", settings.bbs_url);
  read_address(root, "listen_address", settings.listen_address);
  read_address(root, "health_address", settings.health_address);
  root.read("cell_state_timeout", settings.cell_state_timeout);
  root.read("cell_states_kept_max", settings.cell_states_kept_max);
  root.read("communication_timeout", settings.communication_timeout);
  root.read("auction_runner_workers", settings.auction_runner_workers, {.min = 1, .max = 100'000});
  root.read("starting_container_weight", settings.rules.starting_container_weight);
  root.read("starting_container_count_maximum", settings.rules.starting_containers_max, {.min = 0});
  root.read("bin_pack_first_fit_weight", settings.rules.bin_pack_first_fit_weight);
  root.read("uuid", settings.uuid);
  settings.debug_address = diego::read_debug_address(root);
  read_logging(root, settings);
  read_tls(root, settings);
  diego::require_files(root, "bbs_address", settings.bbs_url, settings.bbs_tls, kBbsKeys);
  read_lock(root, settings);
  for (const char* key : kPassedOverKeys) root.json(key);
  if (!file.problems().empty()) {
    return Error{.fault = Fault::invalid, .detail = file.problem_text()};
  }
  settings.unknown_keys = root.unknown_keys();
  return settings;
}

}  // namespace

Result<Settings> read_settings(const std::string& path) {
  return config::read_as(path, settings_from);
}

Result<Settings> parse_settings(std::string_view text, const std::string& name) {
  return config::parse_as(text, name, settings_from);
}

}  // namespace causeway::auctioneer
