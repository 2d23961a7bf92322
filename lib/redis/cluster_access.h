#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "redis/access.h"
#include "redis/pipeline.h"
#include "redis/slot_map.h"

namespace causeway::redis {

// The nodes of a Redis Cluster, a pipeline to each that serves slots. Who serves what is asked of
// one node, again and again, and learnt from MOVED; what was redirected is sent again. A node that
// does not answer, sees itself in a minority or knows less than another one did is left for the
// next. Owner: the Client. Thread: its loop's.
class ClusterAccess final : public Access {
 public:
  ClusterAccess(net::Loop& loop, const log::Logger& logger, const Options& options, OnLink on_link);

  bool is_ready() const override { return ready_; }
  size_t under_way() const override;
  void send(Request request) override;
  Result<void> send_at(const Place& place, const std::vector<std::string>& args,
                       const OnReply& on_reply) override;
  Node any_node() override;

 private:
  // A request that may have to be sent again.
  struct Trip {
    Request request;
    int redirects = 0;
  };

  std::vector<Node> known() const;
  void open_guide();
  void ask_guide();
  void take_health(const Result<Value>& reply);
  void leave_guide(const Error& error);
  void take_slots(const Result<Value>& reply);
  void follow_map();
  Pipeline& node(const Node& node);
  void look();
  void start(Trip trip);
  void go(Pipeline& node, Trip trip, bool asking);
  void take(Trip trip, const Node& from, const Place& place, Result<Value> reply);
  void later(Trip trip);

  net::Loop& loop_;
  const log::Logger& logger_;
  const Options options_;
  const OnLink on_link_;
  SlotMap map_;
  bool ready_ = false;
  size_t next_ = 0;
  Node asked_;                  // for the map
  bool is_unfit_ = false;       // what it says does not count
  uint64_t epoch_seen_ = 0;     // the newest that a guide knew of
  std::set<std::string> left_;  // guides that answered since one was of use, and were not
  net::Timer ask_timer_;
  net::Timer retry_timer_;
  std::vector<Trip> waiting_;                               // for the cluster to settle
  std::map<std::string, std::unique_ptr<Pipeline>> nodes_;  // by host:port
  std::unique_ptr<Pipeline> guide_;                         // asked for the map
};

}  // namespace causeway::redis
