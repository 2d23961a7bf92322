#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "control/bbs/errands/outbox.h"
#include "net/timer.h"
#include "rpc/client.h"

namespace causeway::log {
class Logger;
}

namespace causeway::bbs {

// What waits for the auctioneer: one request is under way at a time, all that comes meanwhile goes
// with the next one. While the auctioneer is away it is asked again and again for half a minute;
// then what waits is dropped, as convergence asks anew. Owner: HttpOutbox. Thread: its loop's.
template <class Request>
class AuctionQueue {
 public:
  static constexpr size_t kEntriesMax = 10'000;

  struct Auctioneer {
    std::string url;
    Duration given_up_after;
  };
  AuctionQueue(net::Loop& loop, rpc::Client& client, const log::Logger& logger,
               Auctioneer auctioneer);

  void add(Request request);
  size_t waiting() const { return requests_.size() + sent_.size(); }
  uint64_t dropped() const { return dropped_; }

 private:
  using Requests = std::map<std::string, Request>;  // by guid

  void send();
  void finished(const Result<rpc::Reply>& reply);
  void keep_for_later(const Error& error);

  net::Loop& loop_;
  rpc::Client& client_;
  const log::Logger& logger_;
  const Auctioneer auctioneer_;
  net::Timer retry_;
  Requests requests_, sent_;
  bool under_way_ = false;
  Duration wait_;
  std::optional<Instant> failing_since_;
  uint64_t dropped_ = 0;
};

// The outbox over HTTP. Owner: main(). Thread: its loop's.
class HttpOutbox final : public Outbox {
 public:
  struct Options {
    std::string auctioneer_url;
    Duration timeout = std::chrono::seconds(10);
    // An auctioneer that is away: the next convergence is due by then.
    Duration auctions_given_up_after = std::chrono::seconds(30);
    // For https; outlive the outbox. Callbacks of tasks go out with `callbacks`.
    rpc::Identity* auctioneer = nullptr;
    rpc::Identity* reps = nullptr;
    rpc::Identity* callbacks = nullptr;
    bool reps_require_tls = false;
  };
  HttpOutbox(net::Loop& loop, const log::Logger& logger, Options options);

  void place(cf::LrpStartRequest request) override { lrps_.add(std::move(request)); }
  void place(cf::TaskStartRequest request) override { tasks_.add(std::move(request)); }
  void stop(const std::string& rep_url, const std::string& process_guid,
            const std::string& instance_guid, const std::string& trace_id, OnDone on_done) override;
  void update(const std::string& rep_url, const cf::LrpUpdate& update, OnDone on_done) override;
  void cancel_task(const std::string& rep_url, const std::string& task_guid,
                   const std::string& trace_id, OnDone on_done) override;
  void call_back(const std::string& url, std::string body,
                 std::function<void(Result<int>)> on_status) override;

  // Instances' processes and tasks that wait for the auctioneer; those that were given up.
  size_t auctions_waiting() const { return lrps_.waiting() + tasks_.waiting(); }
  uint64_t auctions_dropped() const { return lrps_.dropped() + tasks_.dropped(); }

 private:
  void tell(rpc::Call call, OnDone on_done);

  const Options options_;
  rpc::Client client_;  // of the auctioneer
  rpc::Client reps_;
  rpc::Client callbacks_;
  AuctionQueue<cf::LrpStartRequest> lrps_;
  AuctionQueue<cf::TaskStartRequest> tasks_;
};

}  // namespace causeway::bbs
