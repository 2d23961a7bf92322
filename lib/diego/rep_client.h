#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cf/wire/cell_brief.h"
#include "cf/wire/rep_messages.h"

namespace causeway::net {
class Loop;
}
namespace causeway::rpc {
class Identity;
}

namespace causeway::diego {

// Calls to the reps of all cells. `rep_url` as in a cell's presence. Nothing is tried again: what
// fails, convergence heals. Callbacks come exactly once, not from inside the call and not after the
// client's end. Owner: a service. Thread: its loop's.
class RepClient {
 public:
  struct Options {
    Duration state_timeout = std::chrono::seconds(10);
    Duration timeout = std::chrono::seconds(10);
    size_t calls_per_cell_max = 8;        // at the same time; more wait
    rpc::Identity* identity = nullptr;    // for https; outlives the client
    std::function<bool()> may_send = {};  // see rpc::Client
    bool requires_tls = false;            // reps without TLS are not called: Fault::unsupported
  };
  using OnDone = std::function<void(Result<void>)>;

  RepClient(net::Loop& loop, Options options);
  RepClient(const RepClient&) = delete;
  RepClient& operator=(const RepClient&) = delete;
  ~RepClient();

  void state(const std::string& rep_url, std::function<void(Result<cf::CellState>)> on);
  // The same call, read for placing only.
  void brief(const std::string& rep_url, std::function<void(Result<cf::CellBrief>)> on);
  // Answers what was not taken.
  void perform(const std::string& rep_url, const cf::Work& work,
               std::function<void(Result<cf::Work>)> on);
  void stop_lrp(const std::string& rep_url, const std::string& process_guid,
                const std::string& instance_guid, OnDone on);
  // Fault::not_found when the rep has no such instance.
  void update_lrp(const std::string& rep_url, const cf::LrpUpdate& update, OnDone on);
  void cancel_task(const std::string& rep_url, const std::string& task_guid, OnDone on);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::diego
