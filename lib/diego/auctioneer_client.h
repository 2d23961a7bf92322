#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cf/wire/auctioneer_messages.h"
#include "diego/retrying_caller.h"

namespace causeway::diego {

// Asks the auctioneer to place instances and tasks. Asking twice is harmless: it folds duplicates.
// Callbacks as RepClient's. Owner: a service. Thread: its loop's.
class AuctioneerClient {
 public:
  using OnDone = std::function<void(Result<void>)>;

  AuctioneerClient(net::Loop& loop, RetryingCaller::Options options)
      : caller_(loop, std::move(options)) {}

  void request_lrps(const std::vector<cf::LrpStartRequest>& requests, OnDone on);
  void request_tasks(const std::vector<cf::TaskStartRequest>& requests, OnDone on);

 private:
  void post(std::string_view path, std::string body, OnDone on);

  RetryingCaller caller_;
};

}  // namespace causeway::diego
