// auctioneer: decides which cell runs each instance and task. Wiring only.

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "config/command_line.h"
#include "control/auctioneer/auctioneer.h"
#include "control/auctioneer/settings.h"
#include "diego/debug_server.h"
#include "diego/lease.h"
#include "diego/tls_keys.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/signals.h"
#include "rpc/debug.h"
#include "rpc/server.h"
#include "tls/random.h"

#ifndef CAUSEWAY_VERSION
#define CAUSEWAY_VERSION "0.1.0"
#endif

namespace {

using causeway::Error;
using causeway::Result;
using causeway::auctioneer::Settings;

int run(const Settings& settings) {
  causeway::log::Sink sink({.shape = causeway::log::Shape::lager,
                            .time_format = settings.time_format,
                            .level = settings.log_level,
                            .path = {}});
  const causeway::log::Logger logger(sink, "auctioneer");
  for (const std::string& key : settings.unknown_keys)
    logger.warn("unknown-configuration-key", {{"key", key}});

  causeway::metrics::Registry registry;
  causeway::net::Loop loop;
  std::unique_ptr<causeway::rpc::Identity> own, bbs, reps, locket;
  const auto open = [&](const auto& files, auto& identity) {
    return causeway::diego::open_identity("auctioneer", loop, logger, files, identity);
  };
  if (!open(settings.server_tls, own) || !open(settings.bbs_tls, bbs) ||
      !open(settings.rep_tls, reps) || !open(settings.locket_tls, locket))
    return 1;
  std::unique_ptr<causeway::diego::Lease> lease;
  causeway::auctioneer::Auctioneer auctioneer(
      loop, logger, settings, registry, {.bbs = bbs.get(), .reps = reps.get()},
      [&] { return settings.locket_url.empty() || (lease != nullptr && lease->may_act()); });
  causeway::rpc::Server health(loop, logger);
  causeway::rpc::serve_metrics(health, registry);
  causeway::rpc::register_process_metrics(registry);
  causeway::rpc::Server::Options server_options;
  server_options.identity = own.get();
  causeway::rpc::Server server(loop, logger, server_options);
  auctioneer.serve(server);
  int status = 0;

  const auto fail = [&](const char* message, const Error& error) {
    logger.error(message, error);
    status = 1;
    loop.stop();
  };
  const auto start = [&] {
    auctioneer.metrics().lock_held.set(1);
    auto listened = server.listen(settings.listen_address);
    if (!listened) return fail("failed-to-listen", listened.error());
    logger.info("started", {{"listen_address", listened->to_string()}});
  };
  const auto stop = [&] {
    logger.info("exiting");
    server.drain();
    if (lease == nullptr) return loop.stop();
    lease->release([&] { loop.stop(); });
  };
  const causeway::net::SignalWatch on_term(loop, SIGTERM, stop);
  const causeway::net::SignalWatch on_int(loop, SIGINT, stop);

  std::unique_ptr<causeway::rpc::Server> debug;
  if (!causeway::diego::open_debug_server("auctioneer", loop, logger, sink, settings.debug_address,
                                          debug))
    return 1;
  if (auto listened = health.listen(settings.health_address); !listened) {
    logger.error("failed-to-listen-for-health", listened.error());
    return 1;
  }
  if (settings.locket_url.empty()) {
    start();
  } else {
    lease = std::make_unique<causeway::diego::Lease>(
        loop,
        causeway::diego::Lease::Options{
            .locket_url = settings.locket_url,
            .key = "auctioneer",
            .owner = settings.uuid.empty() ? causeway::tls::random_uuid() : settings.uuid,
            .ttl = settings.lock_ttl,
            .retry_interval = settings.lock_retry_interval,
            .identity = locket.get()},
        causeway::diego::Lease::Events{
            .on_held =
                [&] {
                  logger.info("acquired-lock");
                  start();
                },
            .on_lost =
                [&](const Error& error) {
                  logger.error("lost-lock", error);
                  sink.flush();
                  // At once: another one decides now, and nothing that waits here may still be
                  // done.
                  std::_Exit(1);
                },
            .on_refused =
                [&](const Error& error) {
                  logger.debug("failed-to-acquire-lock", {{"error", to_string(error)}});
                }});
  }
  loop.run();
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  causeway::net::ignore_sigpipe();
  const causeway::config::CommandLine line = causeway::config::read_command_line(
      argc, argv, "auctioneer", "Decides which cell runs each instance and task.",
      CAUSEWAY_VERSION);
  if (line.exit_code) return *line.exit_code;
  Result<Settings> settings = causeway::auctioneer::read_settings(line.config_path);
  if (!settings) {
    std::fprintf(stderr, "auctioneer: %s\n", settings.error().detail.c_str());
    return 1;
  }
  return run(*settings);
}
