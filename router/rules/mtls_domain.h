#pragma once

#include <string_view>

#include "router/settings/settings.h"

namespace causeway::router {

// The domain whose clients must show certificates that a host belongs to, or null. What is below
// "*.example.com" belongs to it at any depth, as it does for routes.
const MtlsDomain* mtls_domain_of(std::string_view host, const Settings& settings);

}  // namespace causeway::router
