#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "cf/wire/auctioneer_messages.h"
#include "cf/wire/rep_messages.h"

namespace causeway::bbs {

// What the bbs asks of others. Every request may be lost (the process dies, the other one does):
// convergence finds out and asks again. Owner: main(). Thread: its loop's.
class Outbox {
 public:
  using OnDone = std::function<void(Result<void>)>;

  virtual ~Outbox() = default;

  // To the auctioneer, soon: requests gather while one is under way.
  virtual void place(cf::LrpStartRequest request) = 0;
  virtual void place(cf::TaskStartRequest request) = 0;

  // To a cell's rep.
  virtual void stop(const std::string& rep_url, const std::string& process_guid,
                    const std::string& instance_guid, const std::string& trace_id,
                    OnDone on_done) = 0;
  virtual void update(const std::string& rep_url, const cf::LrpUpdate& update, OnDone on_done) = 0;
  virtual void cancel_task(const std::string& rep_url, const std::string& task_guid,
                           const std::string& trace_id, OnDone on_done) = 0;

  // To whoever waits for a task: POST of a JSON body; answers the status.
  virtual void call_back(const std::string& url, std::string body,
                         std::function<void(Result<int>)> on_status) = 0;
};

}  // namespace causeway::bbs
