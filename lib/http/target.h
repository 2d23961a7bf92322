#pragma once

#include <string_view>

namespace causeway::http {

// Is it a host with or without a port, as far as its characters tell? No user information.
bool is_authority(std::string_view text) noexcept;

// May a request ask for it: origin form, absolute form, "*", and for CONNECT the authority form
// (RFC 9112 section 3.2), without blanks or controls and with good escapes in its path?
bool is_request_target(std::string_view method, std::string_view target) noexcept;

}  // namespace causeway::http
