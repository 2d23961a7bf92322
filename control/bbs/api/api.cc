#include "control/bbs/api/api.h"

#include <map>
#include <string>
#include <vector>

#include "control/bbs/api/api_call.h"
#include "control/bbs/events/event_streams.h"
#include "control/bbs/ledger/ledger.h"
#include "control/bbs/locket/locket.h"
#include "control/bbs/readers/cells.h"
#include "control/bbs/readers/domains.h"
#include "control/bbs/sweep/converger.h"
#include "log/logger.h"
#include "metrics/recent_max.h"
#include "metrics/registry.h"

namespace causeway::bbs {

namespace {

constexpr size_t kShownDomainsMax = 100;
// Above that a list is sent while it is read.
constexpr size_t kWholeListBytes = 256u << 10;
constexpr const char* kProtobuf = "application/x-protobuf";

}  // namespace

struct Api::Metrics {
  static std::vector<double> latency_bounds() {
    return {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};
  }
  explicit Metrics(metrics::Registry& registry)
      : started(registry.counter("RequestsStarted", "Calls received.")),
        succeeded(registry.counter("RequestsSucceeded", "Calls answered without an error.")),
        failed(registry.counter("RequestsFailed", "Calls answered with an error.")),
        latency(registry.histogram("RequestLatency", "Seconds from a call's receipt to its answer.",
                                   latency_bounds())) {}
  metrics::Counter& started;
  metrics::Counter& succeeded;
  metrics::Counter& failed;
  metrics::Histogram& latency;
  metrics::RecentMax latency_max;
  // By path, when asked for.
  struct Path {
    metrics::Counter& count;
    metrics::Histogram& latency;
  };
  std::map<std::string, Path> paths;
};

Api::Api(Services services)
    : services_(services),
      metrics_(std::make_unique<Metrics>(services_.registry)),
      open_(std::make_unique<OpenCalls>()) {
  services_.registry.gauge_from("RequestsInFlight", "Calls being served.",
                                [this] { return static_cast<double>(requests_in_flight()); });
  services_.registry.gauge_from("RequestLatencyMax", "Seconds of the slowest call lately.", [this] {
    return metrics_->latency_max.value(services_.clock.now());
  });
}

Api::~Api() = default;

size_t Api::requests_in_flight() const { return open_->size(); }

void Api::add_routes(rpc::Server& server) {
  add_desired_routes(server);
  add_actual_routes(server);
  add_evacuation_routes(server);
  add_group_routes(server);
  add_task_routes(server);
  add_cell_routes(server);
  add_event_routes(server);
  add_locket_routes(server);
}

void Api::observe(const std::string& path, int status, Duration took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const bool is_stream = path.starts_with("/v1/events");  // those last for ever
  if (!is_stream) {
    metrics_->latency.observe(seconds);
    metrics_->latency_max.note(seconds, services_.clock.now());
  }
  // Only paths that exist: names are the client's.
  if (!services_.measures_paths || status != 200) return;
  auto known = metrics_->paths.find(path);
  if (known == metrics_->paths.end()) {
    metrics::Registry& registry = services_.registry;
    const Metrics::Path fresh{
        registry.counter("RouteRequestCount", "Calls answered, by path.", {{"route", path}}),
        registry.histogram("RouteRequestLatency", "Seconds from a call's receipt to its answer.",
                           Metrics::latency_bounds(), {{"route", path}})};
    known = metrics_->paths.emplace(path, fresh).first;
  }
  known->second.count.add();
  if (!is_stream) known->second.latency.observe(seconds);
}

// A gauge per domain: operators watch whether theirs is fresh.
void Api::show_domain(const std::string& domain) {
  if (shown_domains_.size() >= kShownDomainsMax || !shown_domains_.insert(domain).second) return;
  services_.registry.gauge_from(
      "Domain", "1 while the domain was fresh in the last pass.",
      [this, domain] {
        return services_.converger.counts().fresh_domains.contains(domain) ? 1.0 : 0.0;
      },
      {{"domain", domain}});
}

Api::Caller Api::open(const rpc::Request& request, rpc::Responder responder) {
  metrics_->started.add();
  const OpenCall& call = open_->open(std::move(responder));
  return {call.id, std::string(request.header("X-Vcap-Request-Id")), request.body};
}

void Api::answer(uint64_t id, const google::protobuf::MessageLite& response, bool failed) {
  answer_bytes(id, cf::encode(response), failed);
}

void Api::answer_bytes(uint64_t id, std::string response, bool failed) {
  (failed ? metrics_->failed : metrics_->succeeded).add();
  open_->close(id).reply(200, kProtobuf, std::move(response));
}

void Api::flush_list(uint64_t id, const std::function<void(bool)>& go_on) {
  OpenCall& call = open_->at(id);
  if (!call.stream) {
    if (call.responder->is_gone()) return go_on(false);
    if (call.bytes.size() < kWholeListBytes) return go_on(true);
    call.stream = call.responder->send(kProtobuf);
  }
  call.stream->write(std::exchange(call.bytes, {}));
  if (call.stream->is_gone()) return go_on(false);
  if (!call.stream->is_full()) return go_on(true);
  call.stream->on_room([this, id, go_on] { go_on(!open_->at(id).stream->is_gone()); });
}

void Api::end_list(uint64_t id, const Result<void>& done, std::string refusal) {
  OpenCall& call = open_->at(id);
  std::string rest = std::move(call.bytes);
  const auto stream = std::move(call.stream);
  if (!stream)
    return answer_bytes(id, done ? std::move(rest) : std::move(refusal), !done.has_value());
  (done ? metrics_->succeeded : metrics_->failed).add();
  open_->close(id);
  // Part of it has gone out: all that is left is to cut it short.
  if (!done) return services_.logger.error("list-cut-short", done.error());
  stream->write(rest);
  stream->finish();
}

void Api::add_cell_routes(rpc::Server& server) {
  call_plain<models::PingResponse>(server, "/v1/ping", [](const Caller&, const auto& respond) {
    models::PingResponse response;
    response.set_available(true);
    respond(response);
  });
  call_plain<models::CellsResponse>(server, "/v1/cells/list.r1",
                                    [this](const Caller&, const auto& respond) {
                                      services_.cells.list([respond](const auto& cells) {
                                        models::CellsResponse response;
                                        if (!cells) {
                                          set_error(response, cells.error());
                                        } else {
                                          for (const auto& cell : *cells)
                                            *response.add_cells() = cell;
                                        }
                                        respond(response);
                                      });
                                    });
  call_plain<models::DomainsResponse>(
      server, "/v1/domains/list", [this](const Caller&, const auto& respond) {
        services_.domains.list_fresh(services_.clock.wall().unix_ns, [respond](const auto& names) {
          models::DomainsResponse response;
          if (!names) {
            set_error(response, names.error());
          } else {
            for (const auto& name : *names) response.add_domains(name);
          }
          respond(response);
        });
      });
  call<models::UpsertDomainRequest, models::UpsertDomainResponse>(
      server, "/v1/domains/upsert",
      [this](const auto& request, const Caller&, const auto& respond) {
        show_domain(request.domain());
        services_.domains.upsert(request.domain(), request.ttl(), services_.clock.wall().unix_ns,
                                 [respond](const auto& done) {
                                   models::UpsertDomainResponse response;
                                   if (!done) set_error(response, done.error());
                                   respond(response);
                                 });
      });
}

void Api::add_event_routes(rpc::Server& server) {
  using Kind = EventStreams::Kind;
  const auto stream = [this, &server](const char* method, const char* path, Kind kind) {
    server.route(method, path, [this, kind](const rpc::Request& request, rpc::Responder responder) {
      models::EventsByCellId filter;
      models::DesiredLRPLifecycleResponse refused;
      if (!cf::decode(request.body, filter)) {
        set_refusal(refused, refuse(models::Error::InvalidRequest));
        return responder.reply(200, kProtobuf, cf::encode(refused));
      }
      if (services_.streams.is_full()) {
        services_.logger.error("too-many-event-streams", {{"remote", request.remote}});
        return responder.reply(503, "text/plain", "too many event streams\n");
      }
      auto events = responder.stream();
      services_.streams.subscribe(kind, std::move(events), filter.cell_id());
    });
  };
  stream("POST", "/v1/events/lrp_instances.r1", Kind::instances);
  stream("POST", "/v1/events/tasks.r1", Kind::tasks);
  // Deprecated.
  stream("POST", "/v1/events/lrp_instances", Kind::instances_r0);
  stream("POST", "/v1/events/tasks", Kind::tasks_r0);
  stream("GET", "/v1/events.r1", Kind::groups);
  stream("GET", "/v1/events", Kind::groups_r0);
}

void Api::add_locket_routes(rpc::Server& server) {
  const auto locket = [this, &server](const char* path, auto request_type, auto serve) {
    using Request = decltype(request_type);
    server.route("POST", path, [this, serve](const rpc::Request& http, rpc::Responder responder) {
      Request request;
      if (!cf::decode(http.body, request))
        return responder.reply(400, "text/plain", "the request received is invalid");
      const Caller caller = open(http, std::move(responder));
      serve(request, [this, id = caller.id](const Result<std::string, LocketRefusal>& result) {
        rpc::Responder answered = open_->close(id);
        (result ? metrics_->succeeded : metrics_->failed).add();
        if (result) return answered.reply(200, kProtobuf, *result);
        answered.reply(result.error().status, "text/plain", result.error().text);
      });
    });
  };
  const auto empty = [](const auto& respond) {
    return [respond](const Result<void, LocketRefusal>& done) {
      if (!done) return respond(done.error());
      respond(std::string());
    };
  };
  locket("/models.Locket/Lock", models::LockRequest(),
         [this, empty](const auto& request, const auto& respond) {
           services_.locket.lock(request, empty(respond));
         });
  locket("/models.Locket/Release", models::ReleaseRequest(),
         [this, empty](const auto& request, const auto& respond) {
           services_.locket.release(request, empty(respond));
         });
  locket("/models.Locket/Fetch", models::FetchRequest(),
         [this](const auto& request, const auto& respond) {
           services_.locket.fetch(
               request, [respond](const Result<models::Resource, LocketRefusal>& resource) {
                 if (!resource) return respond(resource.error());
                 models::FetchResponse response;
                 *response.mutable_resource() = *resource;
                 respond(cf::encode(response));
               });
         });
  locket("/models.Locket/FetchAll", models::FetchAllRequest(),
         [this](const auto& request, const auto& respond) {
           services_.locket.fetch_all(
               request,
               [respond](const Result<std::vector<models::Resource>, LocketRefusal>& resources) {
                 if (!resources) return respond(resources.error());
                 models::FetchAllResponse response;
                 for (const auto& one : *resources) *response.add_resources() = one;
                 respond(cf::encode(response));
               });
         });
}

}  // namespace causeway::bbs
