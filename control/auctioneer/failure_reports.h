#pragma once

#include <deque>
#include <variant>

#include "control/place/place.h"
#include "diego/bbs_client.h"
#include "log/logger.h"

namespace causeway::auctioneer {

// Tells the BBS of what could not be placed, a few at a time; a report that fails is logged,
// convergence asks again anyway. Owner: Auctioneer. Thread: its loop's.
class FailureReports {
 public:
  FailureReports(diego::BbsClient& bbs, const log::Logger& logger) : bbs_(bbs), logger_(logger) {}
  FailureReports(const FailureReports&) = delete;
  FailureReports& operator=(const FailureReports&) = delete;

  void add(place::LrpFailure failure);
  void add(place::TaskFailure failure);

 private:
  void send_next();
  void send(const place::LrpFailure& failure);
  void send(const place::TaskFailure& failure);
  void finished();

  diego::BbsClient& bbs_;
  const log::Logger logger_;
  std::deque<std::variant<place::LrpFailure, place::TaskFailure>> waiting_;
  size_t in_flight_ = 0;
};

}  // namespace causeway::auctioneer
