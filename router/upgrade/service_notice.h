#pragma once

#include <string>

namespace causeway::router {

// Tells the service manager (systemd's notification protocol, $NOTIFY_SOCKET) what `lines` say:
// "READY=1", "MAINPID=7". Without one nothing happens. Any thread.
void notify_service_manager(const std::string& lines);

}  // namespace causeway::router
