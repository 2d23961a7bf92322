#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "log/logger.h"
#include "nats/client.h"
#include "router/front/tls_settings.h"
#include "router/route/route_book.h"
#include "router/settings/settings.h"
#include "router/settings/tcp_settings.h"
#include "tls/context.h"

namespace causeway::router {

// Where access log lines go: to a file, to syslog, to both, or nowhere.
struct AccessLogConfig {
  std::string file;                // "": none
  size_t queue_bytes = 8u << 20;   // waiting lines of each destination
  bool blocks_when_full = false;   // requests wait then; otherwise lines are dropped and counted
  bool streams_to_syslog = false;  // to the following
  bool syslog_over_tcp = false;
  int syslog_family = 0;  // 4 or 6: only such addresses of the host
  std::string syslog_host;
  uint16_t syslog_port = 0;
  size_t syslog_truncate = 0;      // bytes of a line; 0: whole
  bool syslog_is_rfc5424 = false;  // to the letter, framed by octet counts over TCP
};

// Everything an operator says about one router: gorouter's keys, read and checked. A value; made at
// start, then taken apart by main().
struct RouterConfig {
  // Listeners.
  uint16_t port = 8081;                 // all interfaces
  std::string status_host = "0.0.0.0";  // of the health listener
  uint16_t status_port = 8080;
  uint16_t routes_port = 8082;  // 127.0.0.1, Basic auth
  std::string status_user, status_pass;
  bool serves_plain_status = true;
  uint16_t status_tls_port = 8443;
  tls::KeyPair status_tls;  // none: no such listener
  struct {
    std::string certificate, key, authorities;  // files; none: in the clear
  } prometheus_tls;
  uint16_t prometheus_port = 0;  // 127.0.0.1; 0 = off

  // Identity.
  uint32_t index = 0;
  uint32_t workers = 0;  // 0: one per core
  // Of all threads but the workers: NATS, the registry, admin pages, logs.
  int background_niceness = 5;

  // Log.
  log::Level log_level = log::Level::debug;
  log::TimeFormat log_time_format = log::TimeFormat::unix_epoch;
  std::string log_source = "gorouter.stdout";
  AccessLogConfig access_log;
  bool serves_varz = false;  // status.enable_deprecated_varz_healthz_endpoints

  // Routes.
  nats::Options nats;
  RouteBook::Options routes;
  Duration prune_interval = std::chrono::seconds(30);
  bool suspend_pruning_if_nats_unavailable = false;

  // Upgrade: where a new router finds this one; "": it cannot be replaced while it runs.
  std::string upgrade_socket;
  Duration upgrade_timeout = std::chrono::seconds(60);

  // Start and end.
  Duration start_response_delay = std::chrono::seconds(5);
  Duration drain_wait{};
  Duration drain_timeout = std::chrono::seconds(60);

  Settings settings;                        // of the data path; without backend_tls
  tls::ClientContext::Options backend_tls;  // whom endpoints with TLS must convince, and by what
  TlsSettings tls;                          // of the https listener
  bool serves_plain = true;                 // not disable_http
  TcpSettings tcp;                          // of TCP routes
};

// A key that was accepted but does not do what it says, and what happens instead.
struct ConfigWarning {
  std::string key;
  std::string effect;
};

struct LoadedConfig {
  RouterConfig config;
  std::vector<ConfigWarning> warnings;    // at most one per key
  std::vector<std::string> unknown_keys;  // dotted paths
  // What the file says, key by key, as JSON: for comparing two files.
  std::map<std::string, std::string> values;
};

// Reads a YAML file; the error's detail lists every mistake as "FILE:LINE: KEY: reason".
Result<LoadedConfig> read_config(const std::string& path);
// The same of a text; `name` stands for the path.
Result<LoadedConfig> parse_config(std::string_view text, std::string name);

}  // namespace causeway::router
