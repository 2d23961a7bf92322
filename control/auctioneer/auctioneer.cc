#include "control/auctioneer/auctioneer.h"

#include <utility>

#include "cf/wire/auctioneer_messages.h"
#include "net/loop.h"

namespace causeway::auctioneer {

Auctioneer::Auctioneer(net::Loop& loop, const log::Logger& logger, const Settings& settings,
                       metrics::Registry& registry, Identities identities,
                       std::function<bool()> may_act)
    : loop_(loop),
      logger_(logger),
      settings_(settings),
      may_act_(std::move(may_act)),
      metrics_(registry),
      roster_(settings.cell_states_kept_max),
      bbs_(loop, {.url = settings.bbs_url,
                  .timeout = settings.communication_timeout,
                  .identity = identities.bbs,
                  .may_send = may_act_}),
      reps_(loop, {.state_timeout = settings.cell_state_timeout,
                   .timeout = settings.communication_timeout,
                   .identity = identities.reps,
                   .may_send = may_act_,
                   .requires_tls = settings.rep_requires_tls}) {
  reports_ = std::make_unique<FailureReports>(bbs_, logger_);
}

Auctioneer::~Auctioneer() = default;

void Auctioneer::serve(rpc::Server& server) {
  server.route("POST", "/v1/lrps", [this](const rpc::Request& request, rpc::Responder responder) {
    take(request, std::move(responder), cf::parse_lrp_start_requests(request.body));
  });
  server.route("POST", "/v1/tasks", [this](const rpc::Request& request, rpc::Responder responder) {
    take(request, std::move(responder), cf::parse_task_start_requests(request.body));
  });
}

template <class Requests>
void Auctioneer::take(const rpc::Request& request, rpc::Responder responder,
                      Result<Requests> requests) {
  // What came while we were stopped: whoever asks finds the one that has the lock now.
  if (may_act_ && !may_act_()) {
    responder.reply(503, "text/plain; charset=utf-8", "the lock is not held\n");
    return;
  }
  if (!requests) {
    logger_.error("malformed-request", requests.error(),
                  {{"path", request.path}, {"remote", request.remote}});
    responder.reply(400, "text/plain; charset=utf-8", requests.error().detail + "\n");
    return;
  }
  for (auto& each : *requests) each.trace_id = request.header("X-Vcap-Request-Id");
  if (!inbox_.add(*requests)) {
    logger_.error("too-many-requests-wait", {{"path", request.path}, {"waiting", inbox_.size()}});
    responder.reply(503, "text/plain; charset=utf-8", "too many requests wait\n");
    return;
  }
  logger_.info("requests-taken",
               {{"path", request.path},
                {"requests", requests->size()},
                log::Field::optional("request_id", request.header("X-Vcap-Request-Id"))});
  responder.reply(202);
  start_auction();
}

void Auctioneer::start_auction() {
  if (auction_ != nullptr || inbox_.empty()) return;
  auction_ = std::make_unique<Auction>(
      AuctionTools{loop_, logger_, metrics_, settings_.rules, settings_.auction_runner_workers,
                   inbox_, roster_, bbs_, reps_, *reports_},
      [this] { auction_is_over(); });
}

void Auctioneer::auction_is_over() {
  loop_.bury(std::move(auction_));
  start_auction();
}

}  // namespace causeway::auctioneer
