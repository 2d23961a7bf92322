#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace causeway::router {

// The IPv4 address that this machine uses towards others: what router.start and X-Vcap-Router say.
// Sends nothing; 127.0.0.1 when there is no route.
std::string local_ip();

// Whether nobody listens on that port of any interface; Fault::exists naming it otherwise. The
// workers' SO_REUSEPORT would let a second router of the same user in and share its clients with
// it.
Result<void> check_port_is_free(uint16_t port);

}  // namespace causeway::router
