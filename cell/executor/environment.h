#pragma once

#include <string>
#include <vector>

#include "actions.pb.h"
#include "cell/executor/executor.h"
#include "cell/executor/users.h"
#include "cell/network/attachment.h"

namespace causeway::executor {

// CF_INSTANCE_IP, _INTERNAL_IP, _PORT, _ADDR, _PORTS of a container at `host_address`. Pure, like
// all here.
std::vector<std::string> network_environment(const std::string& host_address,
                                             const network::Attachment& attachment);
// The whole of one process: its user's PATH, HOME and USER, the container's, the action's, the
// network's; later ones win.
std::vector<std::string> process_environment(const RunRequest& request,
                                             const models::RunAction& action, const User& user,
                                             const std::vector<std::string>& network);
// What the BBS is told.
models::ActualLRPNetInfo net_info_of(const std::string& host_address,
                                     const network::Attachment& attachment);
std::string hosts_file(const std::string& hostname, const std::string& address);

}  // namespace causeway::executor
