#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "cell/executor/executor.h"
#include "cf/models/models.h"
#include "diego/bbs_error.h"
#include "net/timer.h"

namespace causeway::diego {
class BbsClient;
}
namespace causeway::log {
class Logger;
}
namespace causeway::net {
class Loop;
}

namespace causeway::rep {

// No word on the matter itself: no answer, or the BBS could not read or write its store (unknown),
// or lost every race for the row (conflict). What was asked may have been done all the same.
bool is_passing(const diego::BbsError& error);

// Takes containers from what the executor has to what the BBS knows (diego.md section 17), one step
// at a time: a step for a container begins when its last one is finished, and looks at everything
// anew. A step that the BBS did not answer, or whose answer it owes to its store, is taken again a
// second later, for as long as it takes.
// Owner: main(). Thread: its loop's.
class Operations final : public executor::Executor::Events {
 public:
  struct Identity {
    std::string cell_id;
    std::string zone;
  };

  Operations(net::Loop& loop, const log::Logger& logger, executor::Executor& executor,
             diego::BbsClient& bbs, Identity identity);
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  // A step for a container, now or after its present one.
  void take(const std::string& guid);
  // A row of the BBS that names this cell; if no container stands behind it, it is removed.
  void take_residual(const models::ActualLRP& lrp);
  void take_residual(const models::Task& task);
  // From now on instances leave by the evacuation calls.
  void evacuate() { is_evacuating_ = true; }
  // From now on nothing is said of instances that run, so that no row of theirs comes (back) into
  // being. `done`, from inside or later: what had been said before is answered.
  void let_go(std::function<void()> done);

  void on_container(const executor::Container& container) override;

 private:
  using Container = executor::Container;
  // What is known of a guid besides its container.
  struct Slot {
    bool is_busy = false;
    bool is_wanted = false;         // again, as soon as the present step is finished
    bool may_have_started = false;  // the BBS may have taken down a start of this task as ours
    std::map<models::ActualLRP::Presence, models::ActualLRP> rows;
    std::optional<models::Task> task;
  };

  void begin(const std::string& guid, Slot& slot);
  void finish(const std::string& guid);
  // No answer that would settle it: another step in a second.
  void finish_later(const std::string& guid);
  // Finishes; when `error` came on the way, later again.
  void settle(const std::string& guid, const Result<void, diego::BbsError>& answer,
              const char* message);

  void step_lrp(const Container& container);
  void claim_and_run(const Container& container);
  void run_lrp(const std::string& guid);
  void heart_beat_claim(const Container& container);
  template <class Request>
  void describe(const Container& container, Request& request) const;
  void report_running(const Container& container);
  void report_completed(const Container& container);
  void evacuate_lrp(const Container& container);
  void evacuate_running(const Container& container);
  void evacuated(const std::string& guid,
                 const Result<models::EvacuationResponse, diego::BbsError>& answer, bool removes);
  void remove_residual(const std::string& guid, Slot& slot);

  void step_task(const Container& container);
  void start_task(const Container& container);
  void run_task(const std::string& guid);
  void complete_task(const Container& container);
  void report_task(const std::string& guid, bool failed, const std::string& reason,
                   std::string result);
  void complete_residual_task(const std::string& guid);

  void remove(const std::string& guid);
  models::ActualLRPInstanceKey instance_key_of(const std::string& guid) const;
  void refuse(const std::string& guid, const char* message, const diego::BbsError& error);

  net::Loop& loop_;
  const log::Logger& logger_;
  executor::Executor& executor_;
  diego::BbsClient& bbs_;
  const Identity identity_;
  bool is_evacuating_ = false;
  bool has_let_go_ = false;
  uint64_t leaving_ = 0;  // calls of evacuate_running without an answer
  std::function<void()> on_let_go_;
  std::map<std::string, Slot> slots_;
  std::set<std::string> later_;
  net::Timer later_timer_;
};

}  // namespace causeway::rep
