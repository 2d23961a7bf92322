// bbs: the control plane's memory. See doc/bbs.md.
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include <google/protobuf/stubs/logging.h>

#include "config/command_line.h"
#include "control/bbs/config.h"
#include "control/bbs/errands/http_outbox.h"
#include "control/bbs/service.h"
#include "control/bbs/tenure.h"
#include "control/store/redis_store.h"
#include "diego/debug_server.h"
#include "diego/tls_keys.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/signals.h"
#include "net/timer.h"
#include "tls/context.h"
#include "tls/random.h"

namespace {

using namespace causeway;
using namespace std::chrono_literals;

constexpr Duration kGrace = 5s;         // for calls under way at the end
constexpr Duration kReleaseGrace = 1s;  // for the lock, then

log::Sink::Options sink_options(const bbs::Config& config) {
  log::Sink::Options options;
  log::parse_level(config.log_level, options.level);
  options.time_format =
      config.time_format == "rfc3339" ? log::TimeFormat::rfc3339 : log::TimeFormat::unix_epoch;
  return options;
}

// The store's configuration, with TLS by files that are read again when they change.
std::optional<bbs::StoreConfig> with_tls(net::Loop& loop, const log::Logger& logger,
                                         bbs::StoreConfig config,
                                         std::unique_ptr<rpc::Identity>& identity) {
  if (!config.redis_tls) return config;
  auto opened = rpc::Identity::open(loop, logger.session("redis"), *config.redis_tls);
  if (!opened) {
    std::fprintf(stderr, "bbs: redis: %s\n", opened.error().detail.c_str());
    return std::nullopt;
  }
  identity = std::move(*opened);
  config.redis.tls = [&redis = *identity]() -> const tls::ClientContext& { return redis.client(); };
  return config;
}

store::RedisStore::Options store_options(const bbs::StoreConfig& config) {
  return {.redis = config.redis,
          .keys = config.keys.get(),
          .wait_replicas = config.wait_replicas,
          .wait_timeout = config.wait_timeout};
}

// The API's certificate once more, for gRPC's clients, which insist on ALPN.
bool open_locket_identity(const bbs::Config& config, net::Loop& loop, const log::Logger& logger,
                          std::unique_ptr<rpc::Identity>& identity) {
  if (config.locket_listen_address.empty() || config.tls.is_empty()) return true;
  auto opened = rpc::Identity::open(loop, logger, config.tls, {.alpn = {"h2"}});
  if (!opened) {
    std::fprintf(stderr, "bbs: locket: %s\n", opened.error().detail.c_str());
    return false;
  }
  identity = std::move(*opened);
  return true;
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
  std::unique_ptr<rpc::Identity> own, auctioneer, reps, redis, locket;
  if (!diego::open_identity("bbs", loop, logger, config.tls, own) ||
      !diego::open_identity("bbs", loop, logger, config.auctioneer_tls, auctioneer) ||
      !diego::open_identity("bbs", loop, logger, config.rep_tls, reps) ||
      !open_locket_identity(config, loop, logger, locket))
    return 1;
  const auto store_config = with_tls(loop, logger, config.store, redis);
  if (!store_config) return 1;
  store::RedisStore store(loop, logger, store_options(*store_config));
  bbs::HttpOutbox outbox(loop, logger,
                         {.auctioneer_url = config.auctioneer_address,
                          .timeout = config.communication_timeout,
                          .auctioneer = auctioneer.get(),
                          .reps = reps.get(),
                          .callbacks = own.get(),
                          .reps_require_tls = config.rep_requires_tls});
  registry.gauge_from("AuctionRequestsWaiting",
                      "Processes and tasks the auctioneer is to be asked about.",
                      [&outbox] { return static_cast<double>(outbox.auctions_waiting()); });
  registry.counter_from("AuctionRequestsDropped",
                        "Of those, how many were left to convergence as the auctioneer was away.",
                        [&outbox] { return static_cast<double>(outbox.auctions_dropped()); });
  const bbs::Tenure* in_office = nullptr;
  bbs::Service service(
      {loop, store, outbox, clock, logger, registry, [] { return tls::random_uuid(); }, own.get(),
       [&in_office] { return in_office != nullptr && in_office->is_sure(); }},
      config);

  std::unique_ptr<rpc::Server> debug;
  if (!diego::open_debug_server("bbs", loop, logger, sink, config.debug_address, debug)) return 1;
  if (!listen("health", config.health_address, logger,
              [&](const auto& at) { return service.listen_health(at); }))
    return 1;
  int exit_code = 0;
  const auto end = [&](int code) {
    exit_code = code;
    loop.stop();
  };
  const auto begin = [&] {
    if (!listen("api", config.listen_address, logger,
                [&](const auto& at) { return service.listen(at); }))
      return end(1);
    if (!config.locket_listen_address.empty() &&
        !listen("locket", config.locket_listen_address, logger,
                [&](const auto& at) { return service.listen_locket(at, locket.get()); }))
      return end(1);
    service.start(store.shards());
    logger.info("started", {{"redis", config.store.place()}});
  };
  bbs::Tenure tenure(loop, logger, store, *store_config, registry, {begin, end});
  in_office = &tenure;

  net::Timer idle_check(loop), deadline(loop);
  const auto stop = [&] {
    if (deadline.is_armed()) return;
    logger.info("stopping");
    service.drain();
    deadline.once(kGrace, [&] {
      idle_check.disarm();
      deadline.once(kReleaseGrace, [&] { loop.stop(); });
      tenure.release([&] { loop.stop(); });
    });
    idle_check.every(5ms, [&] {
      if (!service.is_idle()) return;
      idle_check.disarm();
      tenure.release([&] { loop.stop(); });
    });
  };
  const net::SignalWatch term(loop, SIGTERM, stop);
  const net::SignalWatch interrupt(loop, SIGINT, stop);
  logger.info("waiting-for-lock", {{"redis", config.store.place()}});
  loop.run();
  logger.info("exited", {{"code", exit_code}});
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  net::ignore_sigpipe();
  // It has a line on stderr for each message that is none; whoever sends one gets an answer
  // instead.
  google::protobuf::SetLogHandler(nullptr);
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
