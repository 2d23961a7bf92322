#include "bench/platform_load/platform_run.h"

#include <unistd.h>

#include <utility>

#include "bench/load/report/machine.h"
#include "net/address.h"

namespace causeway::platform {
namespace {

Error invalid(std::string detail) { return {.fault = Fault::invalid, .detail = std::move(detail)}; }

Result<redis::Options> redis_options(const std::string& text) {
  const auto place = net::parse_host_port(text);
  if (!place) return invalid("--redis: expected host:port, not \"" + text + "\"");
  redis::Options options;
  options.host = place->host;
  options.port = place->port;
  return options;
}

}  // namespace

Result<void> check(const PlatformOptions& options) {
  if (options.own == !options.bbs_url.empty()) return invalid("give either --own or --bbs");
  if (options.operations == 0 && options.lrps == 0 && options.streams == 0)
    return invalid("nothing to do: give --operations, --lrps or --streams");
  if (options.cells == 0 || options.zones == 0 || options.clients == 0 || options.rep_calls == 0)
    return invalid("--cells, --zones, --clients, --rep-calls: at least 1");
  const bool has_all = !options.tls.authorities.empty() && !options.tls.certificate.empty() &&
                       !options.tls.key.empty();
  if (!options.tls.is_empty() && !has_all) return invalid("give --ca, --cert and --key together");
  if (options.bbs_url.starts_with("https:") && !has_all)
    return invalid("--bbs: https needs --ca, --cert and --key");
  if (options.instances < 1) return invalid("--instances: at least 1");
  if (options.heart_beat <= Duration::zero()) return invalid("--heart-beat: more than 0");
  const uint64_t wanted = options.lrps * static_cast<uint64_t>(options.instances) + options.burst;
  const auto containers = static_cast<uint64_t>(options.cell_containers);
  const auto by_memory = static_cast<uint64_t>(options.cell_memory_mb / options.memory_mb);
  const uint64_t room = options.cells * std::min(containers, by_memory);
  if (wanted > room)
    return invalid(std::to_string(options.cells) + " cells have room for " + std::to_string(room) +
                   " instances, not for " + std::to_string(wanted));
  if (options.redis.empty()) return {};
  if (const auto redis = redis_options(options.redis); !redis) return redis.error();
  return {};
}

Result<PlatformRecord> run_platform(const PlatformOptions& options, const PlatformExtras& extras) {
  if (auto checked = check(options); !checked) return checked.error();
  Ground ground(extras.catches_signals);
  ground.on_progress(extras.on_progress);
  for (const auto& [pid, name] : options.watched) ground.meter().add(pid, name);
  if (auto keys = ground.keys(options.tls); !keys) return keys.error();
  OwnServers own(ground.loop());
  Result<void> done;
  if (options.own) {
    OwnServers::Options own_options = options.own_servers;
    own_options.tls = options.tls;
    done = own.start(own_options);
    if (done) {
      redis::Options redis;
      redis.port = own.redis_port();
      ground.servers({own.bbs_url(), own.bbs_health_url(), redis});
      for (const OwnServers::Server* server : own.servers())
        ground.meter().add(server->child->pid(), server->name);
      ground.meter().add(::getpid(), "this tool");
    }
  } else {
    std::optional<redis::Options> redis;
    if (!options.redis.empty()) redis = redis_options(options.redis).value();
    ground.servers({options.bbs_url, options.health_url, std::move(redis)});
  }
  PlatformRecord& record = ground.record();
  record.started = load::utc_text(SystemClock().wall());
  record.machine = load::describe_machine();
  record.cells = options.cells;
  record.lrps = options.lrps;
  record.instances = options.lrps * static_cast<uint64_t>(options.instances);
  if (done && options.operations > 0) done = run_operations(ground, options);
  if (done && options.streams > 0 && !ground.is_interrupted()) done = run_streams(ground, options);
  if (done && options.lrps > 0 && !ground.is_interrupted()) done = run_scale(ground, options);
  ground.let_go();
  own.stop();
  if (!done && record.phases.empty()) return done.error();
  if (!done && record.partial.empty()) record.partial = done.error().detail;
  return std::move(record);
}

}  // namespace causeway::platform
