#pragma once

#include <string>

namespace causeway::router {

// The IPv4 address that this machine uses towards others: what router.start and X-Vcap-Router say.
// Sends nothing; 127.0.0.1 when there is no route.
std::string local_ip();

}  // namespace causeway::router
