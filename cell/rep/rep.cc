#include "cell/rep/rep.h"

#include <fstream>

#include "cell/executor/cell.h"
#include "cell/logs/log_store.h"
#include "cell/rep/cell_metrics.h"
#include "cell/rep/cell_state.h"
#include "log/logger.h"
#include "net/loop.h"
#include "rpc/debug.h"
#include "tls/random.h"

namespace causeway::rep {

namespace {

// Where others reach the API, by a name that its certificate has.
std::string rep_url_of(const Config& config) {
  const bool is_tls = !config.tls.is_empty();
  const std::string host = config.advertise_domain.empty()
                               ? config.advertise_address
                               : config.cell_id + "." + config.advertise_domain;
  return (is_tls ? "https://" : "http://") + host + ":" +
         std::to_string(net::parse_host_port(config.listen_addr_securable)->port);
}

rpc::Server::Options server_options(rpc::Identity* identity) {
  rpc::Server::Options options;
  options.identity = identity;
  return options;
}

}  // namespace

Rep::Rep(net::Loop& loop, const log::Logger& logger, const Config& config, executor::Cell& cell,
         Identities identities, std::function<void()> on_over)
    : loop_(loop),
      logger_(logger),
      config_(config),
      cell_(cell),
      identities_(identities),
      on_over_(std::move(on_over)),
      rep_url_(rep_url_of(config)),
      container_metrics_(loop, cell.executor(), metrics_, config.cell_id),
      bbs_(loop, {.url = config.bbs_address, .identity = identities.bbs}),
      operations_(loop, logger_, cell.executor(), bbs_,
                  {.cell_id = config.cell_id, .zone = config.zone}),
      bulk_(loop, logger_, metrics_, bbs_, cell.executor(), operations_, config.cell_id),
      evacuation_(
          loop, logger_, cell.executor(), operations_, bulk_, bbs_,
          {.cell_id = config.cell_id,
           .polling_interval = config.evacuation_polling_interval,
           .timeout = config.evacuation_timeout},
          {.on_empty = [this] { leave(); }, .on_timed_out = [this] { departure_.start(); }}),
      departure_(loop, cell.executor(), config.graceful_shutdown_interval + std::chrono::seconds(5),
                 [this] { leave(); }),
      server_(loop, logger_, server_options(identities.own)),
      admin_(loop, logger_, server_options(config.is_admin_tls ? identities.own : nullptr)),
      logs_(loop, server_, cell.logs()) {
  register_cell_metrics(metrics_, cell.executor());
  rpc::register_process_metrics(metrics_);
  metrics_.gauge_from("StrandedEvacuatingActualLRPs",
                      "Instances that had found no other place when the time to leave was up.",
                      [this] { return static_cast<double>(evacuation_.stranded()); });
}

Result<void> Rep::start() {
  const Result<std::string> owner = own_name();
  if (!owner) return owner.error();
  const Cell api{.config = config_,
                 .logger = logger_,
                 .executor = cell_.executor(),
                 .operations = operations_,
                 .rep_url = rep_url_,
                 .is_evacuating = [this] { return evacuation_.is_on() || departure_.is_on(); },
                 .evacuate = [this] { evacuation_.start(); },
                 .new_guid = [] { return tls::random_uuid(); },
                 .container_metrics = [this] { return container_metrics_.json(); }};
  serve_cell(server_, api);
  serve_admin(admin_, api);
  rpc::serve_metrics(admin_, metrics_);
  if (Result<void> listening = listen(); !listening) return listening;
  cell_.executor().listen(operations_);
  bulk_.start(config_.polling_interval);
  container_metrics_.start(config_.container_metrics_report_interval);
  announce(*owner);
  return {};
}

// The owner of the presence. It survives the process: a restarted rep renews its own presence at
// once instead of waiting for the old one's end.
Result<std::string> Rep::own_name() const {
  const std::string path = config_.state_dir + "/presence-owner";
  std::string owner;
  std::ifstream(path) >> owner;
  if (!owner.empty()) return owner;
  owner = tls::random_uuid();
  std::ofstream file(path);
  file << owner << "\n";
  file.flush();
  if (!file) return Error{.fault = Fault::io, .detail = "cannot write " + path};
  return owner;
}

Result<void> Rep::listen() {
  const std::pair<rpc::Server*, const std::string*> wanted[] = {
      {&server_, &config_.listen_addr_securable}, {&admin_, &config_.listen_addr}};
  for (const auto& [server, text] : wanted) {
    const Result<net::HostPort> place = net::parse_host_port(*text);
    const Result<net::Address> address = net::Address::parse(place->host, place->port);
    if (!address) return address.error();
    const Result<net::Address> listened = server->listen(*address);
    if (!listened) return listened.error();
  }
  return {};
}

void Rep::announce(const std::string& owner) {
  presence_ = std::make_unique<diego::Lease>(
      loop_,
      diego::Lease::Options{
          .locket_url = config_.locket_address,
          .kind = diego::Lease::Kind::presence,
          .key = config_.cell_id,
          .owner = owner,
          .value = cf::to_json(cell_presence(config_, rep_url_, cell_.executor().total())),
          .ttl = config_.lock_ttl,
          .retry_interval = config_.lock_retry_interval,
          .identity = identities_.locket},
      diego::Lease::Events{
          .on_held = [this] { logger_.info("presence.held"); },
          .on_lost = [this](const Error& error) { logger_.error("presence.lost", error); },
          .on_refused =
              [this](const Error& error) {
                logger_.warn("presence.refused", {{"error", to_string(error)}});
              }});
}

void Rep::stop() {
  if (is_leaving_ || departure_.is_on()) return;
  logger_.info("stopping", {{"containers", cell_.executor().list().size()}});
  if (presence_) presence_->release([] {});  // no more work comes
  departure_.start();
}

void Rep::leave() {
  if (is_leaving_) return;
  is_leaving_ = true;
  server_.drain();
  admin_.drain();
  const auto shut_down = [this] { cell_.shut_down(on_over_); };
  if (!evacuation_.is_on() || !presence_) return shut_down();
  presence_->release(shut_down);
}

}  // namespace causeway::rep
