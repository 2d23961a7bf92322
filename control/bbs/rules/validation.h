#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actual_lrp_requests.pb.h"
#include "cells.pb.h"
#include "desired_lrp_requests.pb.h"
#include "task_requests.pb.h"

// Is a request what it should be? Pure.
namespace causeway::bbs {

inline constexpr size_t kAnnotationBytesMax = 10 * 1024;
inline constexpr size_t kRoutesBytesMax = 128 * 1024;
inline constexpr size_t kMountedFilesBytesMax = 1024 * 1024;
inline constexpr int kActionDepthMax = 64;

// What is wrong with a request, in the order found.
class Complaints {
 public:
  // "Invalid field: NAME"
  void field(std::string_view name) { list_.push_back("Invalid field: " + std::string(name)); }
  // Complains unless `good`.
  void require(bool good, std::string_view name) {
    if (!good) field(name);
  }
  bool empty() const { return list_.empty(); }
  size_t size() const { return list_.size(); }
  // Puts the complaint that `name` is wrong in front of those added since `mark`, if there are any.
  void prefix_since(size_t mark, std::string_view name);
  // All of them, joined by ", ".
  std::string text() const;

 private:
  std::vector<std::string> list_;
};

void check(const models::DesiredLRP& lrp, Complaints& complaints);
void check(const models::DesiredLRPUpdate& update, Complaints& complaints);
void check(const models::TaskDefinition& definition, Complaints& complaints);
void check(const models::Action& action, Complaints& complaints, int depth = 0);
void check(const models::SecurityGroupRule& rule, Complaints& complaints);

void check(const models::DesireLRPRequest& request, Complaints& complaints);
void check(const models::UpdateDesiredLRPRequest& request, Complaints& complaints);
void check(const models::RemoveDesiredLRPRequest& request, Complaints& complaints);
void check(const models::DesiredLRPByProcessGuidRequest& request, Complaints& complaints);
void check(const models::DesiredLRPsRequest& request, Complaints& complaints);

void check(const models::ClaimActualLRPRequest& request, Complaints& complaints);
void check(const models::StartActualLRPRequest& request, Complaints& complaints);
void check(const models::CrashActualLRPRequest& request, Complaints& complaints);
void check(const models::FailActualLRPRequest& request, Complaints& complaints);
void check(const models::RetireActualLRPRequest& request, Complaints& complaints);
void check(const models::RemoveActualLRPRequest& request, Complaints& complaints);
void check(const models::RemoveEvacuatingActualLRPRequest& request, Complaints& complaints);
void check(const models::EvacuateClaimedActualLRPRequest& request, Complaints& complaints);
void check(const models::EvacuateCrashedActualLRPRequest& request, Complaints& complaints);
void check(const models::EvacuateStoppedActualLRPRequest& request, Complaints& complaints);
void check(const models::EvacuateRunningActualLRPRequest& request, Complaints& complaints);
void check(const models::ActualLRPsRequest& request, Complaints& complaints);
void check(const models::ActualLRPsByProcessGuidsRequest& request, Complaints& complaints);
void check(const models::ActualLRPGroupsRequest& request, Complaints& complaints);
void check(const models::ActualLRPGroupsByProcessGuidRequest& request, Complaints& complaints);
void check(const models::ActualLRPGroupByProcessGuidAndIndexRequest& request,
           Complaints& complaints);

void check(const models::DesireTaskRequest& request, Complaints& complaints);
void check(const models::StartTaskRequest& request, Complaints& complaints);
void check(const models::FailTaskRequest& request, Complaints& complaints);
void check(const models::RejectTaskRequest& request, Complaints& complaints);
void check(const models::TaskGuidRequest& request, Complaints& complaints);
void check(const models::CompleteTaskRequest& request, Complaints& complaints);
void check(const models::TasksRequest& request, Complaints& complaints);
void check(const models::TaskByGuidRequest& request, Complaints& complaints);
void check(const models::UpsertDomainRequest& request, Complaints& complaints);

// ^[a-zA-Z0-9_-]+$
bool is_guid(std::string_view text);
// Has it a scheme, as "preloaded:cflinuxfs4" or "docker:///busybox"?
bool is_root_fs(std::string_view text);
// "10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.9", or several of them with commas between.
bool is_destination(std::string_view text);

// Route values as compact JSON, as they are stored; false when one of them is no JSON.
[[nodiscard]] bool compact_routes(models::ProtoRoutes& routes);

}  // namespace causeway::bbs
