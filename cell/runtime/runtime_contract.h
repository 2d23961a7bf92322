#pragma once

#include <functional>
#include <string>

#include "cell/runtime/runtime.h"

namespace causeway::net {
class Loop;
}

namespace causeway::runtime {

// What every Runtime promises, as one scenario; failures go to the running test. The containers
// have /bin/true and /bin/false, which end at once, and /bin/sleep. `again`: a new Runtime over the
// same containers, as after a killed rep.
void check_runtime_contract(net::Loop& loop, Runtime& runtime,
                            const std::function<ContainerSpec(const std::string& handle)>& spec,
                            const std::function<Runtime&()>& again);

}  // namespace causeway::runtime
