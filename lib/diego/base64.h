#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace causeway::diego {

// Standard base64 with padding (RFC 4648 section 4), as the data of event streams. Nothing when
// `text` is not that.
std::optional<std::string> base64_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);

}  // namespace causeway::diego
