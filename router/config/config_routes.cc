// Where routes come from, which of them are taken, and how their endpoints are chosen.

#include <algorithm>
#include <string>
#include <utility>

#include "router/config/reading.h"

namespace causeway::router {

namespace {

using config::Section;
using std::chrono::seconds;

// gorouter gives up when NATS cannot be reached at start: three tries, 100 ms apart.
constexpr uint32_t kNatsFirstTries = 3;

void read_nats_tls(Section section, nats::Options& options) {
  bool enabled = false;
  section.read("tls_enabled", enabled);
  if (!enabled) {
    for (const char* key : {"ca_certs", "cert_chain", "private_key"})
      Reading::check_text(section, key);
    return;
  }
  nats::Options::Tls& tls = options.tls.emplace();
  section.read("ca_certs", tls.authorities);
  // Without one no server could be told from a stranger.
  if (tls.authorities.empty()) section.problem("ca_certs", "is required by tls_enabled");
  const Reading::PairKeys keys{
      .certificate_key = "cert_chain", .private_key_key = "private_key", .is_required = true};
  Reading::read_pair(section, keys, tls.certificate, tls.key);
}

void read_nats(Reading& reading) {
  Section root = reading.root;
  nats::Options& options = reading.loaded.config.nats;
  Section section = root.section("nats");
  std::string user;
  std::string password;
  section.read("user", user);
  section.read("pass", password);
  for (Section host : section.list("hosts")) {
    nats::Options::Server server;
    host.require("hostname", server.host);
    host.read("port", server.port, {.min = 1, .max = 65'535});
    options.servers.push_back(std::move(server));
  }
  if (section.has("hosts") && options.servers.empty()) section.problem("hosts", "is empty");
  if (options.servers.empty())
    options.servers.push_back({.host = "localhost", .user = {}, .password = {}});
  for (nats::Options::Server& server : options.servers) {
    server.user = user;
    server.password = password;
  }
  options.name = "gorouter";
  options.first_tries = kNatsFirstTries;
  read_nats_tls(section, options);
  root.read("nats_client_ping_interval", options.ping_interval);
  if (options.ping_interval < seconds(1)) {
    root.problem("nats_client_ping_interval", "shorter than 1s");
  }
}

void read_sharding(Reading& reading) {
  Section root = reading.root;
  RouteBook::Options& routes = reading.loaded.config.routes;
  root.read("isolation_segments", routes.isolation_segments);
  std::string mode = "all";
  root.read_choice("routing_table_sharding_mode", mode, {"all", "segments", "shared-and-segments"});
  if (mode == "segments") {
    routes.sharding = RouteBook::Sharding::segments;
    if (routes.isolation_segments.empty()) {
      root.problem("isolation_segments", "is required by routing_table_sharding_mode segments");
    }
  }
  if (mode == "shared-and-segments") routes.sharding = RouteBook::Sharding::shared_and_segments;
}

void read_registry(Reading& reading) {
  Section root = reading.root;
  RouterConfig& config = reading.loaded.config;
  RouteBook::Options& routes = config.routes;
  root.read("prune_stale_droplets_interval", config.prune_interval);
  if (config.prune_interval < std::chrono::milliseconds(1)) {
    root.problem("prune_stale_droplets_interval", "must be longer than 0");
  }
  root.read("droplet_stale_threshold", routes.stale_threshold);
  root.read("start_response_delay_interval", config.start_response_delay);
  routes.stale_threshold = std::max(routes.stale_threshold, config.start_response_delay);
  config.settings.failed_mark_lifetime = routes.stale_threshold / 4;
  root.read("suspend_pruning_if_nats_unavailable", config.suspend_pruning_if_nats_unavailable);
  root.read("empty_pool_response_code_503", routes.keep_emptied_routes);
  root.read("empty_pool_timeout", routes.emptied_route_lifetime);
}

void read_balancing(Reading& reading) {
  Section root = reading.root;
  std::string algorithm = "round-robin";
  root.read_choice("balancing_algorithm", algorithm, {"round-robin", "least-connection", "hash"});
  if (algorithm == "hash") {
    reading.warn("balancing_algorithm",
                 "a hash needs a header that only a route's options can name: the other routes are "
                 "balanced round-robin");
    algorithm = "round-robin";
  }
  reading.loaded.config.routes.balancing =
      parse_load_balancing(algorithm).value_or(LoadBalancing::round_robin);
  std::string preference = "none";
  root.read_choice("balancing_algorithm_az_preference", preference, {"none", "locally-optimistic"});
  reading.loaded.config.settings.prefer_zone = preference == "locally-optimistic";
}

}  // namespace

void read_routes(Reading& reading) {
  read_nats(reading);
  read_sharding(reading);
  read_registry(reading);
  read_balancing(reading);
}

}  // namespace causeway::router
