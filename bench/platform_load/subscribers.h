#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bench/load/measure/histogram.h"
#include "rpc/client.h"

namespace causeway::net {
class Loop;
}

namespace causeway::platform {

// Followers of a bbs's instance events, who come a few at a time. All count what comes and whether
// a number is missing; the first few decode it and measure how long a change that was announced to
// them took. Owner: a run. Thread: its loop's.
class Subscribers {
 public:
  Subscribers(net::Loop& loop, const std::string& bbs_url, size_t count,
              rpc::Identity* identity = nullptr);
  Subscribers(const Subscribers&) = delete;
  Subscribers& operator=(const Subscribers&) = delete;

  // A change of that instance is about to be asked for.
  void expect(const std::string& instance_guid);

  size_t opened() const { return opened_; }
  size_t closed() const { return closed_; }                      // refused ones too
  const std::string& why_closed() const { return why_closed_; }  // the first of them
  uint64_t events() const { return events_; }
  uint64_t gaps() const { return gaps_; }
  // From expect() to the event, by those that decode; nanoseconds.
  const load::Histogram& lag() const { return lag_; }

 private:
  struct Follower {
    uint64_t next_id = 0;
    std::unique_ptr<rpc::Client::EventStream> stream;
  };
  void open_next();
  void on_event(size_t follower, std::string_view id, std::string_view event,
                std::string_view data);

  rpc::Client client_;
  std::vector<Follower> followers_;
  const std::string bbs_url_;
  size_t begun_ = 0, opened_ = 0, closed_ = 0;
  std::string why_closed_;
  uint64_t events_ = 0, gaps_ = 0;
  std::map<std::string, Instant> expected_;  // by instance guid
  load::Histogram lag_{3};
};

}  // namespace causeway::platform
