#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "rpc/identity.h"

namespace causeway::rep {

// The rep's configuration: Diego's keys, and ours where Diego has Garden (conf/rep.json documents
// each). A value.
struct Config {
  std::string cell_id;
  uint32_t cell_index = 0;
  std::string zone;
  std::vector<std::string> placement_tags, optional_placement_tags;
  std::string bbs_address;     // https://host:port
  std::string locket_address;  // default: the BBS, which serves Locket's messages
  std::string listen_addr = "127.0.0.1:1800";
  std::string listen_addr_securable = "0.0.0.0:1801";
  std::string advertise_address =
      "127.0.0.1";               // where others reach this machine: host ports and the API
  std::string advertise_domain;  // others reach the API as CELL_ID.DOMAIN; "": advertise_address
  rpc::Identity::Files tls;      // of its API; empty: plain HTTP
  bool is_admin_tls = false;     // the operator's address too
  rpc::Identity::Files bbs_tls, locket_tls;
  std::vector<std::string> preloaded_root_fs;  // "name:path"
  std::string memory_mb = "auto", disk_mb = "auto";
  uint32_t max_containers = 250;
  Duration polling_interval = std::chrono::seconds(30);
  Duration evacuation_polling_interval = std::chrono::seconds(10);
  Duration evacuation_timeout = std::chrono::minutes(10);
  Duration lock_ttl = std::chrono::seconds(15);
  Duration lock_retry_interval = std::chrono::seconds(5);
  Duration graceful_shutdown_interval = std::chrono::seconds(10);
  Duration healthy_monitoring_interval = std::chrono::seconds(30);
  Duration unhealthy_monitoring_interval = std::chrono::seconds(2);
  Duration reserved_expiration_time = std::chrono::minutes(1);
  Duration container_metrics_report_interval = std::chrono::seconds(15);
  // Diego's garden_healthcheck_*: whether containers can still be made.
  Duration runtime_check_interval = std::chrono::minutes(10);
  Duration runtime_check_timeout = std::chrono::minutes(10);
  std::string runtime_check_path;  // of a process; "": a container is enough
  std::vector<std::string> runtime_check_args, runtime_check_env;
  std::string runtime_check_user = "root", runtime_check_dir;
  uint32_t container_max_cpu_shares = 1024;
  std::string state_dir;         // bundles, layers, logs, what survives the rep
  std::string runtime = "auto";  // runc, crun or auto
  std::string network_subnet;    // "": chosen from the cell id
  uint16_t host_port_first = 61001;
  uint16_t host_port_last = 65534;
  std::string debug_address;  // "": no debug server
  std::string log_level = "info";
  std::string time_format = "rfc3339";
};

// Fault::invalid with every mistake, a line each. `warnings`: keys that nobody reads.
Result<Config> read_config(const std::string& path, std::vector<std::string>& warnings);

}  // namespace causeway::rep
