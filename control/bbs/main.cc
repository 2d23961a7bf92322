// bbs: the control plane's memory. See doc/bbs.md.
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "config/command_line.h"
#include "control/bbs/config.h"
#include "control/bbs/http_outbox.h"
#include "control/bbs/service.h"
#include "control/store/redis_store.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/signals.h"
#include "net/timer.h"
#include "tls/random.h"

namespace {

using namespace causeway;
using namespace std::chrono_literals;

constexpr Duration kGrace = 5s;  // for calls under way at the end

log::Sink::Options sink_options(const bbs::Config& config) {
  log::Sink::Options options;
  log::parse_level(config.log_level, options.level);
  options.time_format =
      config.time_format == "rfc3339" ? log::TimeFormat::rfc3339 : log::TimeFormat::unix_epoch;
  return options;
}

redis::Options redis_options(const bbs::Config& config) {
  redis::Options options;
  options.host = config.redis_host;
  options.port = config.redis_port;
  options.user = config.redis_user;
  options.password = config.redis_password;
  options.database = config.redis_database;
  return options;
}

bool listen(const char* what, const std::string& text, const log::Logger& logger,
            const std::function<Result<net::Address>(const net::Address&)>& open) {
  const auto split = net::parse_host_port(text);
  const auto address = open(*net::Address::parse(split->host, split->port));
  if (!address) {
    logger.error("failed-to-listen", address.error(), {{"for", what}, {"address", text}});
    std::fprintf(stderr, "bbs: cannot listen on %s (%s): %s\n", text.c_str(), what,
                 to_string(address.error()).c_str());
    return false;
  }
  logger.info("listening", {{"for", what}, {"address", address->to_string()}});
  return true;
}

int run(const bbs::Config& config) {
  log::Sink sink(sink_options(config));
  const log::Logger logger(sink, "bbs");
  for (const auto& key : config.unused_keys)
    logger.info("config-key-without-effect", {{"key", key}});
  for (const auto& key : config.unknown_keys) logger.warn("config-key-unknown", {{"key", key}});
  const SystemClock clock;
  metrics::Registry registry;
  net::Loop loop;
  store::RedisStore store(loop, logger, redis_options(config));
  bbs::HttpOutbox outbox(loop, logger, {config.auctioneer_address, config.communication_timeout});
  bbs::Service service(
      {loop, store, outbox, clock, logger, registry, [] { return tls::random_uuid(); }}, config);

  if (!listen("health", config.health_address, logger,
              [&](const auto& at) { return service.listen_health(at); }) ||
      !listen("api", config.listen_address, logger,
              [&](const auto& at) { return service.listen(at); }))
    return 1;
  service.start();

  net::Timer idle_check(loop), deadline(loop);
  const auto stop = [&] {
    if (deadline.is_armed()) return;
    logger.info("stopping");
    service.drain();
    deadline.once(kGrace, [&] { loop.stop(); });
    idle_check.every(5ms, [&] {
      if (service.is_idle()) loop.stop();
    });
  };
  const net::SignalWatch term(loop, SIGTERM, stop);
  const net::SignalWatch interrupt(loop, SIGINT, stop);
  logger.info("started", {{"redis", config.redis_host + ":" + std::to_string(config.redis_port)}});
  loop.run();
  logger.info("exited");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  net::ignore_sigpipe();
  const config::CommandLine line = config::read_command_line(
      argc, argv, "bbs",
      "Keeps what should run, what does, and on which cells; speaks the Diego BBS API.",
      CAUSEWAY_VERSION);
  if (line.exit_code) return *line.exit_code;
  const auto config = bbs::read_config(line.config_path);
  if (!config) {
    std::fprintf(stderr, "bbs: %s\n", config.error().detail.c_str());
    return 1;
  }
  return run(*config);
}
