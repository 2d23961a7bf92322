#include "tools/platform/plan.h"

#include <algorithm>

#include "json/json.h"

namespace causeway::platform {
namespace {

std::string local(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }
std::string local_url(uint16_t port) { return "http://" + local(port); }

// Of a port that speaks TLS when there are certificates.
std::string service_url(const Options& options, uint16_t port) {
  return (options.certificates ? "https://" : "http://") + local(port);
}

struct KeyPair {
  std::string authority, certificate, key;  // paths
};
KeyPair files_of(const Options& options, const std::string& role) {
  const std::string& folder = options.certificates->folder;
  return {folder + "/ca.pem", folder + "/" + role + ".pem", folder + "/" + role + ".key"};
}

// The three files of a role under the keys that the service has for them.
void add_files(json::Writer& writer, const Options& options, const std::string& role,
               const char* authority_key, const char* certificate_key, const char* key_key) {
  if (!options.certificates) return;
  const KeyPair files = files_of(options, role);
  writer.member(authority_key, files.authority)
      .member(certificate_key, files.certificate)
      .member(key_key, files.key);
}

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
  const std::string port = std::to_string(options.ports.redis);
  std::string text = "bind 127.0.0.1\ndir " + data +
                     "\nappendonly yes\nappendfsync everysec\nsave \"\"\ndaemonize no\n"
                     "maxmemory-policy noeviction\n";
  if (options.certificates) {
    const KeyPair files = files_of(options, "redis");
    text += "port 0\ntls-port " + port + "\ntls-ca-cert-file " + files.authority +
            "\ntls-cert-file " + files.certificate + "\ntls-key-file " + files.key +
            "\ntls-auth-clients yes\n";
  } else {
    text += "port " + port + "\n";
  }
  plan.files.push_back({path, text});
  plan.services.push_back({"redis-server",
                           {"redis-server", path},
                           options.state_dir + "/log/redis-server.log",
                           {"", options.ports.redis}});
}

void add_nats(Plan& plan, const Options& options) {
  const std::string path = options.state_dir + "/config/nats.conf";
  std::string text = "listen: \"" + local(options.ports.nats) + "\"\n";
  if (options.certificates) {
    const KeyPair files = files_of(options, "nats");
    text += "tls {\n  ca_file: \"" + files.authority + "\"\n  cert_file: \"" + files.certificate +
            "\"\n  key_file: \"" + files.key + "\"\n  verify: true\n}\n";
  }
  plan.files.push_back({path, text});
  plan.services.push_back({"nats-server",
                           {"nats-server", "-c", path},
                           options.state_dir + "/log/nats-server.log",
                           {"", options.ports.nats}});
}

std::string bbs_config(const Options& options) {
  json::Writer writer;
  writer.object()
      .member("listen_address", local(options.ports.bbs))
      .member("health_address", local(options.ports.bbs_health))
      .member("auctioneer_address", service_url(options, options.ports.auctioneer))
      .member("require_ssl", options.certificates.has_value())
      .member("auctioneer_require_tls", options.certificates.has_value())
      .member("rep_require_tls", options.certificates.has_value())
      .member("converge_repeat_interval", "30s")
      .member("log_level", "info");
  add_files(writer, options, "bbs", "ca_file", "cert_file", "key_file");
  add_files(writer, options, "bbs", "auctioneer_ca_cert", "auctioneer_client_cert",
            "auctioneer_client_key");
  add_files(writer, options, "bbs", "rep_ca_cert", "rep_client_cert", "rep_client_key");
  writer.key("redis")
      .object()
      .member("host", "127.0.0.1")
      .member("port", options.ports.redis)
      .member("tls", options.certificates.has_value());
  add_files(writer, options, "bbs", "ca_file", "cert_file", "key_file");
  return writer.end().end().take();
}

std::string auctioneer_config(const Options& options) {
  json::Writer writer;
  writer.object()
      .member("listen_address", local(options.ports.auctioneer))
      .member("health_address", local(options.ports.auctioneer_health))
      .member("bbs_address", service_url(options, options.ports.bbs))
      .member("rep_require_tls", options.certificates.has_value())
      .member("log_level", "info");
  add_files(writer, options, "auctioneer", "ca_cert_file", "server_cert_file", "server_key_file");
  add_files(writer, options, "auctioneer", "bbs_ca_cert_file", "bbs_client_cert_file",
            "bbs_client_key_file");
  add_files(writer, options, "auctioneer", "rep_ca_cert", "rep_client_cert", "rep_client_key");
  return writer.end().take();
}

std::string route_emitter_config(const Options& options) {
  json::Writer writer;
  writer.object()
      .member("bbs_address", service_url(options, options.ports.bbs))
      .member("nats_tls_enabled", options.certificates.has_value())
      .member("nats_addresses", local(options.ports.nats))
      .member("healthcheck_address", local(options.ports.route_emitter_health))
      .member("enable_tcp_emitter", true)
      .member("log_level", "info");
  add_files(writer, options, "route-emitter", "bbs_ca_cert_file", "bbs_client_cert_file",
            "bbs_client_key_file");
  add_files(writer, options, "route-emitter", "nats_ca_cert_file", "nats_client_cert_file",
            "nats_client_key_file");
  return writer.end().take();
}

std::string rep_config(const Options& options) {
  json::Writer writer;
  writer.object()
      .member("cell_id", options.cell_id)
      .member("zone", "z1")
      .member("bbs_address", service_url(options, options.ports.bbs))
      .member("require_tls", options.certificates.has_value())
      .member("listen_addr", local(options.ports.rep_admin))
      .member("listen_addr_securable", local(options.ports.rep))
      .member("state_dir", options.state_dir + "/rep")
      .member("log_level", "info");
  add_files(writer, options, "rep-" + options.cell_id, "ca_cert_file", "cert_file", "key_file");
  writer.key("preloaded_root_fs").array().value("base:" + options.rootfs_dir).end();
  return writer.end().take();
}

// "key: |" and the text, each line that far from the margin.
std::string yaml_text(const std::string& indent, const std::string& key, const std::string& text) {
  std::string yaml = indent + key + ": |\n";
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    yaml += indent + "  " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return yaml;
}

std::string router_tls_config(const Options& options) {
  if (!options.certificates) return "enable_ssl: false\n";
  const KeyPair files = files_of(options, "router");
  return "enable_ssl: true\nssl_port: " + std::to_string(options.ports.router_tls) +
         "\ntls_pem:\n- cert_chain_file: " + files.certificate +
         "\n  private_key_file: " + files.key +
         "\ncipher_suites: ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
         "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384\n"
         "client_cert_validation: none\n";
}

std::string router_nats_config(const Options& options) {
  std::string yaml =
      "nats:\n  hosts:\n  - hostname: 127.0.0.1\n    port: " + std::to_string(options.ports.nats) +
      "\n";
  if (!options.certificates) return yaml;
  return yaml + "  tls_enabled: true\n" +
         yaml_text("  ", "ca_certs", options.certificates->authority) +
         yaml_text("  ", "cert_chain", options.certificates->router_certificate) +
         yaml_text("  ", "private_key", options.certificates->router_key);
}

std::string router_config(const Options& options) {
  const Ports& ports = options.ports;
  std::string yaml = "# Written by causeway platform; changes are overwritten at the next start.\n";
  yaml += "port: " + std::to_string(ports.router) + "\n";
  yaml += "status:\n  port: " + std::to_string(ports.router_status) +
          "\n  user: status\n  pass: status\n  routes:\n    port: " +
          std::to_string(ports.router_routes) + "\n";
  yaml += router_nats_config(options);
  yaml += "prometheus:\n  enabled: true\n  port: " + std::to_string(ports.router_metrics) + "\n";
  yaml +=
      "go_max_procs: " +
      (options.router_workers == 0 ? std::string("-1") : std::to_string(options.router_workers)) +
      "\n";
  yaml += router_tls_config(options);
  yaml += "disable_keep_alives: false\nmax_idle_conns_per_host: 100\n";
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

std::vector<std::string> certificate_roles(const std::string& cell_id) {
  return {"bbs",      "auctioneer", "rep-" + cell_id, "route-emitter",
          "operator", "redis",      "nats",           "router"};
}

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
