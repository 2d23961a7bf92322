#pragma once

#include <functional>
#include <memory>

#include "control/auctioneer/auction.h"
#include "control/auctioneer/failure_reports.h"
#include "control/auctioneer/inbox.h"
#include "control/auctioneer/roster.h"
#include "control/auctioneer/settings.h"
#include "diego/bbs_client.h"
#include "diego/rep_client.h"
#include "log/logger.h"
#include "rpc/server.h"

namespace causeway::auctioneer {

// Takes requests and holds one auction after the other while there are any. Requests that come
// during a round wait for the next. Owner: main(). Thread: its loop's.
class Auctioneer {
 public:
  // For https; outlive the auctioneer.
  struct Identities {
    rpc::Identity* bbs = nullptr;
    rpc::Identity* reps = nullptr;
  };

  // `may_act`: whether the lock is ours, asked before anything is sent or taken. Absent: always.
  Auctioneer(net::Loop& loop, const log::Logger& logger, const Settings& settings,
             metrics::Registry& registry, Identities identities, std::function<bool()> may_act);
  Auctioneer(net::Loop& loop, const log::Logger& logger, const Settings& settings,
             metrics::Registry& registry)
      : Auctioneer(loop, logger, settings, registry, Identities{}, {}) {}
  Auctioneer(const Auctioneer&) = delete;
  Auctioneer& operator=(const Auctioneer&) = delete;
  ~Auctioneer();

  // Adds POST /v1/lrps and /v1/tasks. The server ends first.
  void serve(rpc::Server& server);
  bool is_idle() const { return auction_ == nullptr && inbox_.empty(); }
  Metrics& metrics() { return metrics_; }

 private:
  template <class Requests>
  void take(const rpc::Request& request, rpc::Responder responder, Result<Requests> requests);
  void start_auction();
  void auction_is_over();

  net::Loop& loop_;
  const log::Logger logger_;
  const Settings settings_;
  const std::function<bool()> may_act_;
  Metrics metrics_;
  Inbox inbox_;
  Roster roster_;
  std::unique_ptr<Auction> auction_;  // null: nothing to do
  // Last: they end first, and with them the callbacks that reach the rest.
  std::unique_ptr<FailureReports> reports_;
  diego::BbsClient bbs_;
  diego::RepClient reps_;
};

}  // namespace causeway::auctioneer
