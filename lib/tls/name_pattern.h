#pragma once

#include <cstddef>
#include <string_view>

namespace causeway::tls {

// How much of `name` a pattern says: all of it when they are the same, the part below the star when
// the pattern is "*.example.com" and the name ends so, with however many labels before; 0 when they
// have nothing to do with each other. Case does not count. Of several patterns the one that says
// most is meant.
size_t bytes_covered(std::string_view pattern, std::string_view name);

}  // namespace causeway::tls
