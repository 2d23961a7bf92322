#include <string>
#include <string_view>
#include <vector>

#include "router/config/reading.h"

namespace causeway::router {

namespace {

using config::Section;

void read_routing_api(Reading& reading) {
  Section api = reading.root.section("routing_api");
  std::string uri;
  uint16_t port = 0;
  api.read("uri", uri);
  api.read("port", port);
  if (!uri.empty() && port != 0) {
    reading.warn("routing_api",
                 "the routing-api client is not built yet: routes come from NATS only");
  }
  bool flag = false;
  api.read("auth_disabled", flag);
  for (const char* key : {"ca_certs", "cert_chain", "private_key"}) Reading::check_text(api, key);
  Section oauth = reading.root.section("oauth");
  for (const char* key : {"token_endpoint", "client_name", "client_secret", "ca_certs"}) {
    Reading::check_text(oauth, key);
  }
  oauth.read("port", port);
  oauth.read("skip_ssl_validation", flag);
  int64_t number = 0;
  reading.root.read("token_fetcher_max_retries", number, {.min = 0});
  reading.root.read("token_fetcher_expiration_buffer_time", number, {.min = 0});
  Reading::check_duration(reading.root, "token_fetcher_retry_interval");
}

}  // namespace

void Reading::not_built(config::Section section, std::string_view key, std::string_view effect) {
  bool on = false;
  section.read(key, on);
  if (!on) return;
  std::string path = section.path();
  if (!path.empty()) path += '.';
  warn(path.append(key), std::string(effect));
}

void Reading::check_duration(config::Section section, std::string_view key) {
  Duration duration{};
  section.read(key, duration);
}

void Reading::check_text(config::Section section, std::string_view key) {
  std::string text;
  section.read(key, text);
}

void read_not_built(Reading& reading) {
  Section root = reading.root;
  read_routing_api(reading);
  Duration interval{};
  root.read("publish_active_apps_interval", interval);
  if (interval > Duration::zero()) {
    reading.warn("publish_active_apps_interval", "router.active_apps is not published");
  }
  std::string text;
  root.read("debug_addr", text);
  if (!text.empty()) reading.warn("debug_addr", "there is no debug listener");

  // What gorouter has and this router needs not: it always serves both directions at once, keeps
  // connections after Expect: 100-continue, and leaves files of process ids and health polling to
  // its supervisor.
  bool flag = false;
  root.read("enable_http1_concurrent_read_write", flag);
  root.read("keep_alive_100_continue_requests", flag);
  Reading::check_text(root, "pid_file");
  for (const char* key : {"publish_start_message_interval", "load_balancer_healthy_threshold",
                          "healthcheck_poll_interval", "healthcheck_timeout"}) {
    Reading::check_duration(root, key);
  }
}

}  // namespace causeway::router
