// route-emitter: tells routers over NATS which instances of the BBS serve which routes. Wiring
// only.

#include <csignal>
#include <cstdio>
#include <string>
#include <utility>

#include "config/command_line.h"
#include "control/route_emitter/emitter_config.h"
#include "control/route_emitter/route_emitter.h"
#include "diego/debug_server.h"
#include "diego/tls_keys.h"
#include "log/logger.h"
#include "net/loop.h"
#include "net/signals.h"

namespace {

using namespace causeway;

// Those of calls about TCP routes.
bool open_tls(net::Loop& loop, const log::Logger& logger,
              const route_emitter::RoutingApiConfig& config,
              std::unique_ptr<rpc::Identity>& routing_api, std::unique_ptr<rpc::Identity>& uaa) {
  using Verify = tls::ClientContext::Options::Verify;
  return diego::open_identity_for("route-emitter", loop, logger, config.url, config.tls, {},
                                  routing_api) &&
         diego::open_identity_for("route-emitter", loop, logger, config.uaa_url, config.uaa_tls,
                                  {.verify = config.verifies_uaa ? Verify::peer : Verify::none},
                                  uaa);
}

int run(const route_emitter::LoadedConfig& loaded) {
  const route_emitter::EmitterConfig& config = loaded.config;
  log::Sink sink({.shape = log::Shape::lager,
                  .time_format = config.time_format,
                  .level = config.log_level,
                  .path = {}});
  const log::Logger logger(sink, "route-emitter");
  for (const std::string& key : loaded.unknown_keys) {
    logger.warn("config-key-unknown", {{"key", key}});
  }
  net::Loop loop;
  int exit_code = 0;
  std::unique_ptr<rpc::Identity> bbs, locket, routing_api, uaa;
  if (!diego::open_identity("route-emitter", loop, logger, config.bbs_tls, bbs) ||
      !diego::open_identity("route-emitter", loop, logger, config.locket_tls, locket) ||
      !open_tls(loop, logger, config.routing_api, routing_api, uaa))
    return 1;
  route_emitter::RouteEmitter emitter(loop, logger, config,
                                      {.bbs = bbs.get(),
                                       .locket = locket.get(),
                                       .routing_api = routing_api.get(),
                                       .uaa = uaa.get()},
                                      [&](int code) {
                                        exit_code = code;
                                        loop.stop();
                                      });
  std::unique_ptr<rpc::Server> debug;
  if (!diego::open_debug_server("route-emitter", loop, logger, sink, config.debug_address, debug))
    return 1;
  const auto address = emitter.start();
  if (!address) {
    logger.error("failed-to-listen", address.error(),
                 {{"address", config.health_address.to_string()}});
    return 1;
  }
  logger.info("listening", {{"healthcheck_address", address->to_string()}});
  bool is_stopping = false;
  const auto stop = [&] {
    if (!std::exchange(is_stopping, true)) emitter.stop();
  };
  const net::SignalWatch terminate(loop, SIGTERM, stop);
  const net::SignalWatch interrupt(loop, SIGINT, stop);
  loop.run();
  logger.info("exited", {{"code", exit_code}});
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  net::ignore_sigpipe();
  const config::CommandLine line = config::read_command_line(
      argc, argv, "route-emitter", "Tells routers over NATS which instances serve which routes.",
      CAUSEWAY_VERSION);
  if (line.exit_code) return *line.exit_code;
  const auto loaded = route_emitter::read_config(line.config_path);
  if (!loaded) {
    std::fprintf(stderr, "route-emitter: %s\n",
                 (loaded.error().detail.empty() ? to_string(loaded.error()) : loaded.error().detail)
                     .c_str());
    return 1;
  }
  return run(*loaded);
}
