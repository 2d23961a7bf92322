#pragma once

#include <cstdint>
#include <string>

#include "cf/models/models.h"
#include "cf/wire/cell_presence.h"
#include "cf/wire/rep_messages.h"

// What a Cloud Controller and reps say of apps, as large as it usually is.
namespace causeway::platform {

inline constexpr const char* domain = "cf-apps";
inline constexpr const char* root_fs = "preloaded:cflinuxfs4";

// "<app guid>-<version guid>", 73 characters.
std::string process_guid(uint64_t number);
std::string task_guid(uint64_t number);
std::string cell_id(uint64_t number);

struct InstanceName {
  std::string process_guid;
  int32_t index = 0;
  std::string instance_guid;
  std::string cell_id;
  friend bool operator==(const InstanceName&, const InstanceName&) = default;
};

models::DesireLRPRequest desire_request(const std::string& process_guid, int32_t instances,
                                        int32_t memory_mb);
models::ClaimActualLRPRequest claim_request(const InstanceName& instance);
models::StartActualLRPRequest start_request(const InstanceName& instance, bool routable);
models::CrashActualLRPRequest crash_request(const InstanceName& instance);
models::RemoveActualLRPRequest remove_request(const InstanceName& instance);
models::DesireTaskRequest desire_task_request(const std::string& task_guid);

cf::CellPresence presence_of(const std::string& cell_id, const std::string& zone,
                             const std::string& rep_url, const cf::CellResources& capacity);

}  // namespace causeway::platform
