#include "tools/platform/plan.h"

#include "json/json.h"

namespace causeway::platform {
namespace {

std::string local(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }
std::string local_url(uint16_t port) { return "http://" + local(port); }

// Adds a service of ours: its configuration file, its command line, its log.
void add_ours(Plan& plan, const Options& options, const std::string& name, std::string config,
              const std::string& flag, Probe probe, const std::string& extension = ".json") {
  const std::string path = options.state_dir + "/config/" + name + extension;
  plan.files.push_back({path, std::move(config)});
  plan.services.push_back({name,
                           {options.bin_dir + "/" + name, flag, path},
                           options.state_dir + "/log/" + name + ".log",
                           std::move(probe)});
}

void add_redis(Plan& plan, const Options& options) {
  const std::string data = options.state_dir + "/redis";
  plan.folders.push_back(data);
  const std::string path = options.state_dir + "/config/redis.conf";
  plan.files.push_back(
      {path, "bind 127.0.0.1\nport " + std::to_string(options.ports.redis) + "\ndir " + data +
                 "\nappendonly yes\nappendfsync everysec\nsave \"\"\ndaemonize no\n"
                 "maxmemory-policy noeviction\n"});
  plan.services.push_back({"redis-server",
                           {"redis-server", path},
                           options.state_dir + "/log/redis-server.log",
                           {"", options.ports.redis}});
}

void add_nats(Plan& plan, const Options& options) {
  plan.services.push_back(
      {"nats-server",
       {"nats-server", "-a", "127.0.0.1", "-p", std::to_string(options.ports.nats)},
       options.state_dir + "/log/nats-server.log",
       {"", options.ports.nats}});
}

std::string bbs_config(const Options& options) {
  json::Writer writer;
  writer.object()
      .member("listen_address", local(options.ports.bbs))
      .member("health_address", local(options.ports.bbs_health))
      .member("auctioneer_address", local_url(options.ports.auctioneer))
      .member("require_ssl", false)
      .member("auctioneer_require_tls", false)
      .member("rep_require_tls", false)
      .member("converge_repeat_interval", "30s")
      .member("log_level", "info");
  writer.key("redis")
      .object()
      .member("host", "127.0.0.1")
      .member("port", options.ports.redis)
      .end();
  return writer.end().take();
}

std::string auctioneer_config(const Options& options) {
  json::Writer writer;
  writer.object()
      .member("listen_address", local(options.ports.auctioneer))
      .member("health_address", local(options.ports.auctioneer_health))
      .member("bbs_address", local_url(options.ports.bbs))
      .member("log_level", "info");
  return writer.end().take();
}

std::string route_emitter_config(const Options& options) {
  json::Writer writer;
  writer.object()
      .member("bbs_address", local_url(options.ports.bbs))
      .member("nats_addresses", local(options.ports.nats))
      .member("healthcheck_address", local(options.ports.route_emitter_health))
      .member("enable_tcp_emitter", true)
      .member("log_level", "info");
  return writer.end().take();
}

std::string rep_config(const Options& options) {
  json::Writer writer;
  writer.object()
      .member("cell_id", options.cell_id)
      .member("zone", "z1")
      .member("bbs_address", local_url(options.ports.bbs))
      .member("listen_addr", local(options.ports.rep_admin))
      .member("listen_addr_securable", local(options.ports.rep))
      .member("state_dir", options.state_dir + "/rep")
      .member("log_level", "info");
  writer.key("preloaded_root_fs").array().value("base:" + options.rootfs_dir).end();
  return writer.end().take();
}

std::string router_config(const Options& options) {
  const Ports& ports = options.ports;
  std::string yaml = "# Written by causeway platform; changes are overwritten at the next start.\n";
  yaml += "port: " + std::to_string(ports.router) + "\n";
  yaml += "status:\n  port: " + std::to_string(ports.router_status) +
          "\n  user: status\n  pass: status\n  routes:\n    port: " +
          std::to_string(ports.router_routes) + "\n";
  yaml +=
      "nats:\n  hosts:\n  - hostname: 127.0.0.1\n    port: " + std::to_string(ports.nats) + "\n";
  yaml += "prometheus:\n  enabled: true\n  port: " + std::to_string(ports.router_metrics) + "\n";
  yaml +=
      "go_max_procs: " +
      (options.router_workers == 0 ? std::string("-1") : std::to_string(options.router_workers)) +
      "\n";
  yaml += "enable_ssl: false\ndisable_keep_alives: false\nmax_idle_conns_per_host: 100\n";
  // Instances of one machine: the emitter answers router.start at once, so the table is full long
  // before this.
  yaml += "start_response_delay_interval: 1s\n";
  yaml += "backends:\n  max_attempts: 3\n";
  yaml += "tcp_router:\n  reservable_ports: 1024-65535\n";
  yaml += "access_log:\n  file: " + options.state_dir + "/log/access.log\n";
  yaml += "logging:\n  level: info\n  format:\n    timestamp: rfc3339\n";
  return yaml;
}

}  // namespace

Plan make_plan(const Options& options) {
  Plan plan;
  const Ports& ports = options.ports;
  for (const char* folder : {"", "/config", "/log", "/rep"})
    plan.folders.push_back(options.state_dir + folder);
  add_redis(plan, options);
  add_nats(plan, options);
  add_ours(plan, options, "bbs", bbs_config(options), "-config",
           {local_url(ports.bbs_health) + "/health", ports.bbs});
  add_ours(plan, options, "auctioneer", auctioneer_config(options), "-config",
           {local_url(ports.auctioneer_health) + "/health", ports.auctioneer});
  add_ours(plan, options, "route-emitter", route_emitter_config(options), "-config",
           {local_url(ports.route_emitter_health) + "/health", ports.route_emitter_health});
  add_ours(plan, options, "rep", rep_config(options), "-config",
           {local_url(ports.rep_admin) + "/ping", ports.rep_admin});
  add_ours(plan, options, "router", router_config(options), "-c",
           {local_url(ports.router_status) + "/health", ports.router}, ".yml");
  return plan;
}

}  // namespace causeway::platform
