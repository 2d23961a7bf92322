#include "control/bbs/service.h"

#include <algorithm>
#include <optional>

#include "control/bbs/api/api.h"
#include "control/bbs/errands/errands.h"
#include "control/bbs/events/event_streams.h"
#include "control/bbs/ledger/ledger.h"
#include "control/bbs/ledger/task_callbacks.h"
#include "control/bbs/locket/locket.h"
#include "control/bbs/locket/locket_grpc.h"
#include "control/bbs/measured_store.h"
#include "control/bbs/readers/cells.h"
#include "control/bbs/readers/domains.h"
#include "control/bbs/readers/lrp_reader.h"
#include "control/bbs/readers/task_reader.h"
#include "control/bbs/rows/stored_bytes.h"
#include "control/bbs/sweep/converger.h"
#include "control/store/kept_store.h"
#include "log/logger.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/timer.h"
#include "rpc/debug.h"
#include "rpc/identity.h"
#include "rpc/server.h"

namespace causeway::bbs {

namespace {

Converger::Options converger_options(const Config& config) {
  Converger::Options options;
  options.interval = config.converge_repeat_interval;
  options.sweeper.workers = config.convergence_workers;
  options.sweeper.tasks.expire_pending_ns = config.expire_pending_task_duration.count();
  options.sweeper.tasks.expire_completed_ns = config.expire_completed_task_duration.count();
  options.sweeper.tasks.kick_ns = config.kick_task_duration.count();
  return options;
}

std::unique_ptr<log::Sink> access_log_of(const Config& config) {
  if (config.access_log_path.empty()) return nullptr;
  return std::make_unique<log::Sink>(log::Sink::Options{.path = config.access_log_path});
}

// Connections for calls beside those of all event streams.
constexpr size_t kCallConnections = 2'000;

rpc::Server::Options server_options(const Service::World& world, const Config& config) {
  rpc::Server::Options options;
  options.connections_max =
      std::max(options.connections_max, config.event_streams_max + kCallConnections);
  options.identity = world.identity;
  return options;
}

double as_double(auto number) { return static_cast<double>(number); }

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

// In the order of construction: what comes later uses what comes first.
struct Service::Parts {
  Parts(const World& world, const Config& config)
      : loop(world.loop),
        logger(world.logger),
        registry(world.registry),
        measured(world.store, world.clock, world.registry),
        keeping_rest(loop),
        keeping_turn(loop),
        kept(kept_world(world), config.kept_rows_reread_interval),
        store(config.keep_rows_in_memory ? static_cast<store::Store&>(kept) : measured),
        access_sink(access_log_of(config)),
        cells(store, logger),
        domains(store),
        streams(config.event_streams_max),
        errands(cells, world.outbox, logger),
        ledger({store, world.clock, world.new_guid, streams, errands, logger}),
        lrp_reader(store, logger),
        task_reader(store, logger),
        locket(loop, store, world.clock, logger, world.new_guid),
        callbacks(ledger, world.outbox, logger, config.task_callback_workers),
        converger(loop, {store, ledger, cells, domains, errands, world.clock, logger},
                  converger_options(config)),
        api({ledger, lrp_reader, task_reader, cells, domains, locket, converger, streams,
             world.clock, logger, registry, config.max_task_retries, config.advanced_metrics}),
        server(loop, logger, server_options(world, config)),
        health(loop, logger) {
    if (access_sink) access_logger.emplace(*access_sink, "bbs.access");
    connect();
    expose();
  }

  store::KeptStore::World kept_world(const World& world) {
    return {
        .store = measured,
        .clock = world.clock,
        .logger = logger,
        .soon =
            [this] {
              loop.defer([this, still = std::weak_ptr<const int>(alive)] {
                if (!still.expired()) kept.run_pending();
              });
            },
        .next_turn = [this] { keeping_turn.once(Duration::zero(), [this] { kept.run_bulk(); }); },
        .rest = [this](Duration pause) { keeping_rest.once(pause, [this] { kept.step(); }); },
        .is_sure = world.is_sure ? world.is_sure : [] { return true; },
        .cell_of =
            [](std::string_view row) {
              const auto found = look_into_actual(row);
              return found ? found->cell_id : std::string_view();
            },
        .on_corrected =
            [this] {
              streams.cut_all();
              converger.soon("rows-corrected", Sweeper::Again::all);
            }};
  }

  void connect() {
    ledger.on_callback_due([this](const models::Task& task) { callbacks.deliver(task); });
    locket.on_presence([this](const std::string& key, bool present) {
      logger.info(present ? "cell-appeared" : "cell-disappeared", {{"cell_id", key}});
      // A new cell has room for those that found none; with a cell go those that were given to it
      // and not claimed yet.
      converger.soon("cell", present ? Sweeper::Again::unplaced : Sweeper::Again::all);
    });
    store.on_link([this](bool usable) {
      if (!started) return;  // a stand-by: another one leads
      if (!usable) {
        logger.error("store-lost");
        return locket.suspend();
      }
      logger.info("store-connected");
      locket.renew_all();
      // What the store may have forgotten, or carried out without telling us, subscribers find out
      // by reading anew.
      streams.cut_all();
      converger.soon("store", Sweeper::Again::all);
    });
    api.add_routes(server);
    metrics::Counter& requests = registry.counter("RequestCount", "Calls that have ended.");
    metrics::Counter& cancelled =
        registry.counter("RequestsCancelled", "Clients that went away before their answer.");
    server.observe(
        [this, &requests, &cancelled](const rpc::Request& request, int status, Duration took) {
          requests.add();
          if (status == 0) cancelled.add();
          api.observe(request.path, status, took);
          log_access(request, status, took);
          logger.debug("request.done",
                       {{"method", request.method},
                        {"request", request.path},
                        {"status", status},
                        log::Field::optional("request_id", request.header("X-Vcap-Request-Id"))});
        });
    rpc::serve_metrics(health, registry);
    rpc::register_process_metrics(registry);
    health.fallback([](const rpc::Request&, rpc::Responder responder) {
      responder.reply(200, "text/plain", "ok");
    });
  }

  void log_access(const rpc::Request& request, int status, Duration took) const {
    if (!access_logger) return;
    access_logger->info(
        "request",
        {{"method", request.method},
         {"request", request.path},
         {"remote", request.remote},
         {"status", status},
         {"request_id", request.header("X-Vcap-Request-Id")},
         {"duration_us", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
  }

  void gauge(const char* name, const char* help, std::function<double()> read) {
    registry.gauge_from(name, help, std::move(read));
  }

  void expose() {
    const Converger::Counts& counts = converger.counts();
    const converge::LrpCounts& lrps = counts.lrps;
    gauge("BBSMasterElected", "1 while this bbs is the active one.",
          [this] { return started ? 1.0 : 0.0; });
    gauge("ConvergenceLRPRuns", "Passes over all LRPs.",
          [&counts] { return as_double(counts.lrp_runs); });
    gauge("ConvergenceLRPDuration", "Seconds of the last pass.",
          [&counts] { return seconds(counts.lrp_duration); });
    gauge("ConvergenceTaskRuns", "Passes over all tasks.",
          [&counts] { return as_double(counts.task_runs); });
    gauge("ConvergenceTaskDuration", "Seconds of the last pass.",
          [&counts] { return seconds(counts.task_duration); });
    gauge("ConvergenceTasksKicked", "Callbacks tried again.",
          [&counts] { return as_double(counts.tasks_kicked); });
    gauge("ConvergenceTasksPruned", "Tasks that nobody wanted, or that could not be read.",
          [&counts] { return as_double(counts.tasks_pruned); });
    gauge("ConvergenceSkipped", "Passes given up because something could not be read.",
          [&counts] { return as_double(counts.skipped); });
    gauge("LRPsDesired", "Instances desired.", [&lrps] { return as_double(lrps.desired); });
    gauge("LRPsUnclaimed", "Instances without a cell.",
          [&lrps] { return as_double(lrps.unclaimed); });
    gauge("LRPsClaimed", "Instances being started.", [&lrps] { return as_double(lrps.claimed); });
    gauge("LRPsRunning", "Instances running.", [&lrps] { return as_double(lrps.running); });
    gauge("CrashedActualLRPs", "Instances crashed.", [&lrps] { return as_double(lrps.crashed); });
    gauge("CrashingDesiredLRPs", "LRPs with a crashed instance.",
          [&lrps] { return as_double(lrps.crashing_desired); });
    gauge("LRPsMissing", "Indexes without an instance.",
          [&lrps] { return as_double(lrps.missing); });
    gauge("LRPsExtra", "Instances that nobody wants.", [&lrps] { return as_double(lrps.extra); });
    gauge("SuspectRunningActualLRPs", "Running instances of vanished cells.",
          [&lrps] { return as_double(lrps.suspect_running); });
    gauge("SuspectClaimedActualLRPs", "Claimed instances of vanished cells.",
          [&lrps] { return as_double(lrps.suspect_claimed); });
    gauge("SuspectCells", "Vanished cells with instances.",
          [&lrps] { return as_double(lrps.suspect_cells.size()); });
    gauge("StrandedEvacuatingActualLRPs", "Evacuating instances of vanished cells.",
          [&lrps] { return as_double(lrps.stranded_evacuating); });
    gauge("PresentCells", "Cells present.", [&counts] { return as_double(counts.cells); });
    gauge("TasksPending", "Tasks waiting for a cell.",
          [&counts] { return as_double(counts.tasks_pending); });
    gauge("TasksRunning", "Tasks running.", [&counts] { return as_double(counts.tasks_running); });
    gauge("TasksCompleted", "Tasks completed.",
          [&counts] { return as_double(counts.tasks_completed); });
    gauge("TasksResolving", "Tasks whose end is being told.",
          [&counts] { return as_double(counts.tasks_resolving); });
    gauge("TasksStarted", "Tasks that a cell has begun.",
          [this] { return as_double(ledger.tasks().started); });
    gauge("TasksSucceeded", "Tasks that have ended well.",
          [this] { return as_double(ledger.tasks().succeeded); });
    gauge("TasksFailed", "Tasks that have not.",
          [this] { return as_double(ledger.tasks().failed); });
    gauge("FreshDomains", "Domains in which instances may be deleted.",
          [&counts] { return as_double(counts.fresh_domains.size()); });
    gauge("ActiveLocks", "Locks held.", [this] { return as_double(locket.locks()); });
    gauge("ActivePresences", "Presences held.", [this] { return as_double(locket.presences()); });
    gauge("LocksExpired", "Locks lost by time.",
          [this] { return as_double(locket.locks_expired()); });
    gauge("PresenceExpired", "Presences lost by time.",
          [this] { return as_double(locket.presences_expired()); });
    gauge("EventSubscribers", "Open event streams.",
          [this] { return as_double(streams.subscribers()); });
    gauge("EventSubscribersCutOff", "Event streams ended because they fell behind.",
          [this] { return as_double(streams.cut_off()); });
    gauge("TLSHandshakesFailed", "Clients of the API without a certificate that is trusted.",
          [this] { return as_double(server.failed_handshakes()); });
    gauge("ConnectionsRefused", "Clients of the API above the limit of connections.",
          [this] { return as_double(server.refused_connections()); });
    gauge("StoreConflicts", "Decisions taken again because a row had changed.",
          [this] { return as_double(ledger.conflicts()); });
    gauge("StoreUnconfirmed", "Changes made that replicas did not confirm in time.",
          [this] { return as_double(ledger.unconfirmed()); });
    gauge("KeptRows", "Rows that are read from memory.",
          [this] { return as_double(kept.table().rows()); });
    gauge("KeptRowBytes", "Their bytes.", [this] { return as_double(kept.table().row_bytes()); });
    gauge("KeptRowsComplete", "1 while all of them are known.",
          [this] { return kept.is_complete() ? 1.0 : 0.0; });
    gauge("KeptRowsForgotten", "Processes read again as a change to them ended uncertainly.",
          [this] { return as_double(kept.counts().forgotten); });
    gauge("KeptRowsCorrected", "Processes that had been changed by somebody else.",
          [this] { return as_double(kept.counts().corrected); });
    gauge("StoreReadsFromMemory", "Reads that Redis was not asked for.",
          [this] { return as_double(kept.counts().reads); });
    gauge("UndecodableRows", "Rows met that could not be read.",
          [this] { return as_double(lrp_reader.undecodable_rows()); });
  }

  net::Loop& loop;
  const log::Logger& logger;
  metrics::Registry& registry;
  MeasuredStore measured;
  net::Timer keeping_rest, keeping_turn;  // of `kept`
  store::KeptStore kept;
  store::Store& store;  // one of the two
  std::unique_ptr<log::Sink> access_sink;
  std::optional<log::Logger> access_logger;
  Cells cells;
  Domains domains;
  EventStreams streams;
  Errands errands;
  Ledger ledger;
  LrpReader lrp_reader;
  TaskReader task_reader;
  Locket locket;
  TaskCallbacks callbacks;
  Converger converger;
  Api api;
  rpc::Server server;
  rpc::Server health;
  std::unique_ptr<LocketGrpc> locket_grpc;  // when asked for
  bool started = false;
  // What has been deferred may come when we have ended.
  const std::shared_ptr<const int> alive = std::make_shared<const int>(0);
};

Service::Service(const World& world, const Config& config)
    : parts_(std::make_unique<Parts>(world, config)) {}

Service::~Service() = default;

Result<net::Address> Service::listen(const net::Address& address) {
  return parts_->server.listen(address);
}

Result<net::Address> Service::listen_health(const net::Address& address) {
  return parts_->health.listen(address);
}

Result<net::Address> Service::listen_locket(const net::Address& address,
                                            const rpc::Identity* identity) {
  grpc::Server::Options options;
  if (identity != nullptr) options.tls = [identity] { return identity->server(); };
  Parts& parts = *parts_;
  parts.locket_grpc =
      std::make_unique<LocketGrpc>(parts.loop, parts.logger, parts.locket, std::move(options));
  const LocketGrpc& served = *parts.locket_grpc;
  parts.gauge("LocketCalls", "Calls of Locket's over gRPC.",
              [&served] { return as_double(served.calls()); });
  parts.gauge("LocketCallsFailed", "Those of them that were refused.",
              [&served] { return as_double(served.failed_calls()); });
  return parts.locket_grpc->listen(address);
}

void Service::start(size_t shards) {
  parts_->started = true;
  if (&parts_->store == &parts_->kept) parts_->kept.begin(shards);
  parts_->locket.renew_all();
  parts_->converger.start();
}

void Service::drain() {
  parts_->server.drain();
  if (parts_->locket_grpc) parts_->locket_grpc->drain();
  parts_->streams.cut_all();
}

bool Service::is_idle() const {
  return parts_->api.requests_in_flight() == 0 && parts_->server.connections() == 0;
}

}  // namespace causeway::bbs
