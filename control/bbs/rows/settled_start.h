#pragma once

#include <string_view>

namespace causeway::bbs {

// A cell says every half minute that its instances run: a start that changes nothing, the most
// frequent call of all. Has that row, an ActualLRP, every value already that this encoded
// StartActualLRPRequest gives it? Told from the bytes, without decoding either; false when they
// leave a doubt. Pure.
bool is_settled_start(std::string_view row, std::string_view request);

}  // namespace causeway::bbs
