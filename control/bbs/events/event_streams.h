#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/bbs/events/hub.h"
#include "control/bbs/rules/lrp_rules.h"
#include "task.pb.h"

namespace causeway::bbs {

// Everybody who follows the bbs, by what they follow; events of one change go to all in the same
// order. What nobody follows is not made. Owner: main(). Thread: its loop's.
class EventStreams {
 public:
  static constexpr size_t subscribers_max = 8'000;

  // The r0 streams show desired LRPs and tasks in their old form, without image layers.
  enum class Kind : uint8_t { instances, instances_r0, groups, groups_r0, tasks, tasks_r0 };

  // `most`: of all kinds together.
  explicit EventStreams(size_t most = subscribers_max) : most_(most) {}
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  bool is_full() const { return subscribers() >= most_; }
  void subscribe(Kind kind, std::unique_ptr<rpc::Responder::EventStream> stream,
                 std::string cell_id);
  // `part`: what is there after a commit.
  void publish(const ProcessState& before, const Verdict& part, const std::string& trace_id);
  void publish(const std::optional<models::Task>& before, const std::optional<models::Task>& after);
  void cut_all();

  size_t subscribers() const;
  uint64_t cut_off() const;

 private:
  static constexpr size_t kinds = static_cast<size_t>(Kind::tasks_r0) + 1;
  Hub& hub(Kind kind) { return hubs_[static_cast<size_t>(kind)]; }
  bool has_subscribers(Kind kind) const {
    return hubs_[static_cast<size_t>(kind)].subscribers() > 0;
  }
  void publish_groups(const ProcessState& before, const Verdict& part);

  const size_t most_;
  Hub hubs_[kinds];
};

}  // namespace causeway::bbs
