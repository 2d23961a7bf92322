#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/place/place.h"
#include "log/logger.h"
#include "net/address.h"
#include "rpc/identity.h"

namespace causeway::auctioneer {

// What the configuration file says (Diego's keys, and health_address). Addresses are checked and
// complete. A value.
struct Settings {
  std::string bbs_url = {};
  net::Address listen_address = net::Address::any(9016);
  net::Address health_address = net::Address::loopback(9017);  // GET /health, /metrics
  Duration cell_state_timeout = std::chrono::seconds(1);
  Duration communication_timeout = std::chrono::seconds(10);
  Duration cell_states_kept_max = std::chrono::seconds(5);  // 0: asked in every round
  size_t auction_runner_workers = 1000;                     // calls to cells at the same time
  place::Rules rules = {};
  log::Level log_level = log::Level::info;
  log::TimeFormat time_format = log::TimeFormat::rfc3339;
  std::string debug_address = {};  // empty: no debug server
  std::string uuid = {};           // empty: one is made
  rpc::Identity::Files bbs_tls = {}, rep_tls = {}, locket_tls = {};
  rpc::Identity::Files server_tls = {};  // empty: plain HTTP
  bool rep_requires_tls = false;
  // Locket: empty url: no lock is taken.
  std::string locket_url = {};
  Duration lock_ttl = std::chrono::seconds(14);
  Duration lock_retry_interval = std::chrono::seconds(5);
  std::vector<std::string> unknown_keys = {};  // to warn of
};

// The error's detail has a line for every mistake of the file.
Result<Settings> read_settings(const std::string& path);
Result<Settings> parse_settings(std::string_view text, const std::string& name);

}  // namespace causeway::auctioneer
