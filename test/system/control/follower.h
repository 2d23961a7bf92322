#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cf/models/models.h"
#include "diego/bbs_events.h"
#include "net/timer.h"
#include "rpc/client.h"

namespace causeway::platform {

// Which instances run, as one who follows the events knows it: subscribes first, reads then, and
// begins anew when it is cut off. Owner: a test. Thread: its loop's.
class Follower {
 public:
  using Running = std::set<std::tuple<std::string, int32_t, std::string>>;  // process, index, guid

  Follower(net::Loop& loop, std::string bbs_url);
  const Running& running() const { return running_; }
  uint64_t cuts() const { return cuts_; }

 private:
  void subscribe();
  void read();
  void hear(std::string_view type, std::string_view data);
  void apply(const diego::LrpEvent& event);
  void note(const models::ActualLRPKey& key, const models::ActualLRPInstanceKey& instance,
            const std::string& state);

  rpc::Client client_;
  const std::string url_;
  net::Timer retry_;
  std::unique_ptr<rpc::Client::EventStream> stream_;
  uint64_t reads_ = 0;  // an older one's answer is void
  bool is_reading_ = false;
  std::vector<diego::LrpEvent> early_;  // heard while it reads
  Running running_;
  uint64_t cuts_ = 0;
};

}  // namespace causeway::platform
