#include "cell/rep/config.h"

#include "config/config.h"
#include "diego/debug_server.h"
#include "diego/service_url.h"
#include "diego/tls_keys.h"
#include "net/address.h"

namespace causeway::rep {
namespace {

void check_address(config::Section& root, std::string_view key, const std::string& address) {
  if (!net::parse_host_port(address)) root.problem(key, "not host:port: \"" + address + "\"");
}

// Newer reps have one certificate for all they do, older ones several.
const diego::TlsKeys kBbsKeys{{"bbs_ca_cert_file", "ca_cert_file"},
                              {"bbs_client_cert_file", "cert_file"},
                              {"bbs_client_key_file", "key_file"}};
const diego::TlsKeys kLocketKeys{
    {"locket_ca_cert_file"}, {"locket_client_cert_file"}, {"locket_client_key_file"}};
const diego::TlsKeys kServerKeys{
    {"ca_cert_file"}, {"server_cert_file", "cert_file"}, {"server_key_file", "key_file"}};

// Files mean TLS, unless `require_tls` says otherwise.
void read_server_tls(config::Section& root, Config& config) {
  bool requires_tls = false;
  root.read("require_tls", requires_tls);
  config.tls = diego::read_tls_files(root, kServerKeys);
  const bool is_refused = root.has("require_tls") && !requires_tls;
  if (is_refused || config.tls.certificate.empty()) config.tls = {};
  if (requires_tls && config.tls.is_empty())
    root.problem("require_tls", "needs ca_cert_file, server_cert_file and server_key_file");
  root.read("admin_tls", config.is_admin_tls);
  if (config.is_admin_tls && config.tls.is_empty())
    root.problem("admin_tls", "needs ca_cert_file, server_cert_file and server_key_file");
}

void read_addresses(config::Section& root, Config& config) {
  root.require("bbs_address", config.bbs_address);
  root.read("locket_address", config.locket_address);
  root.read("listen_addr", config.listen_addr);
  root.read("listen_addr_securable", config.listen_addr_securable);
  root.read("advertise_address", config.advertise_address);
  root.read("advertise_domain", config.advertise_domain);
  check_address(root, "listen_addr", config.listen_addr);
  check_address(root, "listen_addr_securable", config.listen_addr_securable);
  config.bbs_tls = diego::read_tls_files(root, kBbsKeys);
  config.locket_tls = diego::read_tls_files(root, kLocketKeys);
  read_server_tls(root, config);
  diego::complete_url(root, "bbs_address", config.bbs_address);
  diego::require_files(root, "bbs_address", config.bbs_address, config.bbs_tls, kBbsKeys);
  // Diego writes it without a scheme, and always speaks TLS to it.
  const bool is_tls = !config.locket_tls.certificate.empty();
  if (config.locket_address.empty()) config.locket_address = config.bbs_address;
  if (!is_tls) config.locket_tls = config.bbs_tls;
  diego::complete_url(root, "locket_address", config.locket_address, is_tls ? "https" : "http");
  diego::require_files(root, "locket_address", config.locket_address, config.locket_tls,
                       kLocketKeys);
}

void check_amount(config::Section& root, std::string_view key, const std::string& amount) {
  const bool is_number = !amount.empty() && amount.size() < 10 &&
                         amount.find_first_not_of("0123456789") == std::string::npos;
  if (amount != "auto" && (!is_number || amount == "0"))
    root.problem(key, "neither \"auto\" nor a number of MB: \"" + amount + "\"");
}

void read_seconds(config::Section& root, std::string_view key, Duration& target) {
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(target).count();
  root.read(key, seconds, {.min = 1, .max = 86'400});
  target = std::chrono::seconds(seconds);
}

// Diego's own key takes a duration; the one with its unit takes seconds.
void read_monitoring(config::Section& root, const std::string& key, Duration& target) {
  read_seconds(root, key + "_in_seconds", target);
  root.read(key, target);
  if (target < std::chrono::milliseconds(100)) root.problem(key, "shorter than 100ms");
}

void read_runtime_check(config::Section& root, Config& config) {
  root.read("garden_healthcheck_interval", config.runtime_check_interval);
  root.read("garden_healthcheck_timeout", config.runtime_check_timeout);
  root.read("garden_healthcheck_process_path", config.runtime_check_path);
  root.read("garden_healthcheck_process_args", config.runtime_check_args);
  root.read("garden_healthcheck_process_env", config.runtime_check_env);
  root.read("garden_healthcheck_process_user", config.runtime_check_user);
  root.read("garden_healthcheck_process_dir", config.runtime_check_dir);
  if (config.runtime_check_interval < std::chrono::seconds(1))
    root.problem("garden_healthcheck_interval", "shorter than 1s");
  if (config.runtime_check_timeout < std::chrono::seconds(1))
    root.problem("garden_healthcheck_timeout", "shorter than 1s");
  if (config.runtime_check_user.empty()) config.runtime_check_user = "root";
}

void read_times(config::Section& root, Config& config) {
  root.read("polling_interval", config.polling_interval);
  root.read("evacuation_polling_interval", config.evacuation_polling_interval);
  root.read("evacuation_timeout", config.evacuation_timeout);
  root.read("lock_ttl", config.lock_ttl);
  root.read("lock_retry_interval", config.lock_retry_interval);
  root.read("graceful_shutdown_interval", config.graceful_shutdown_interval);
  root.read("reserved_expiration_time", config.reserved_expiration_time);
  root.read("container_metrics_report_interval", config.container_metrics_report_interval);
  if (config.container_metrics_report_interval < std::chrono::seconds(1))
    root.problem("container_metrics_report_interval", "shorter than 1s");
  read_monitoring(root, "healthy_monitoring_interval", config.healthy_monitoring_interval);
  read_monitoring(root, "unhealthy_monitoring_interval", config.unhealthy_monitoring_interval);
  read_runtime_check(root, config);
  if (config.polling_interval < std::chrono::seconds(1))
    root.problem("polling_interval", "shorter than 1s");
  if (config.lock_retry_interval * 2 > config.lock_ttl)
    root.problem("lock_retry_interval", "more than half of lock_ttl");
}

void read_machine(config::Section& root, Config& config) {
  root.read("memory_mb", config.memory_mb);
  root.read("disk_mb", config.disk_mb);
  root.read("max_containers", config.max_containers, {.min = 1, .max = 10'000});
  root.read("container_max_cpu_shares", config.container_max_cpu_shares,
            {.min = 2, .max = 262'144});
  root.read("preloaded_root_fs", config.preloaded_root_fs);
  root.require("state_dir", config.state_dir);
  root.read_choice("runtime", config.runtime, {"auto", "runc", "crun"});
  config::Section network = root.section("network");
  network.read("subnet", config.network_subnet);
  network.read("host_port_first", config.host_port_first, {.min = 1024, .max = 65'535});
  network.read("host_port_last", config.host_port_last, {.min = 1024, .max = 65'535});
  if (config.host_port_first > config.host_port_last)
    network.problem("host_port_first", "above host_port_last");
  check_amount(root, "memory_mb", config.memory_mb);
  check_amount(root, "disk_mb", config.disk_mb);
  for (const std::string& one : config.preloaded_root_fs) {
    const size_t colon = one.find(':');
    if (colon == 0 || colon == std::string::npos || one.substr(colon + 1, 1) != "/") {
      root.problem("preloaded_root_fs", "not name:/path: \"" + one + "\"");
    }
  }
}

}  // namespace

Result<Config> read_config(const std::string& path, std::vector<std::string>& warnings) {
  Result<std::unique_ptr<config::File>> file = config::File::read(path);
  if (!file) return file.error();
  config::Section root = (*file)->root();
  Config config;
  root.require("cell_id", config.cell_id);
  root.read("cell_index", config.cell_index);
  root.read("zone", config.zone);
  root.read("placement_tags", config.placement_tags);
  root.read("optional_placement_tags", config.optional_placement_tags);
  read_addresses(root, config);
  config.debug_address = diego::read_debug_address(root);
  root.read("log_level", config.log_level);
  root.read_choice("time_format", config.time_format, {"rfc3339", "unix-epoch"});
  read_times(root, config);
  read_machine(root, config);
  if (!(*file)->problems().empty())
    return Error{.fault = Fault::invalid, .detail = (*file)->problem_text()};
  warnings = root.unknown_keys();
  return config;
}

}  // namespace causeway::rep
