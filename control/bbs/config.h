#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/bbs/store_config.h"
#include "rpc/identity.h"

namespace causeway::bbs {

// What the configuration file says: Diego's keys, and `redis`. Keys that have no meaning here are
// accepted and listed.
struct Config {
  std::string listen_address = "0.0.0.0:8889";
  std::string locket_listen_address;  // own key; "": Locket's gRPC is not served
  std::string health_address = "127.0.0.1:8890";
  bool advanced_metrics = false;  // counts and times of each path
  std::string access_log_path;
  std::string auctioneer_address;
  std::string debug_address;  // "": no debug server
  std::string log_level = "info";
  std::string time_format = "rfc3339";
  Duration communication_timeout = std::chrono::seconds(10);
  Duration converge_repeat_interval = std::chrono::seconds(30);
  Duration kick_task_duration = std::chrono::seconds(30);
  Duration expire_completed_task_duration = std::chrono::minutes(2);
  Duration expire_pending_task_duration = std::chrono::minutes(30);
  uint32_t convergence_workers = 20;
  uint32_t task_callback_workers = 1000;
  int32_t max_task_retries = 3;

  rpc::Identity::Files tls;  // of the API and of task callbacks; empty: plain HTTP
  rpc::Identity::Files auctioneer_tls, rep_tls;
  bool rep_requires_tls = false;
  size_t event_streams_max = 8'000;                               // own key
  bool keep_rows_in_memory = true;                                // own key
  Duration kept_rows_reread_interval = std::chrono::minutes(10);  // own key

  StoreConfig store;

  std::vector<std::string> unused_keys;   // of Diego's, without effect here
  std::vector<std::string> unknown_keys;  // nobody's
};

// Every mistake at once, one per line, in the error's detail.
Result<Config> read_config(const std::string& path);
Result<Config> parse_config(std::string_view text, const std::string& name);

}  // namespace causeway::bbs
