#pragma once

// Internal to lib/cf/wire.

#include <string_view>

#include "cf/wire/registry_message.h"

namespace causeway::cf {

// Reads what routers are told thousands of times a second, in one pass: known fields of the usual
// kinds, each once, `options` absent. False for everything else, with `message` half filled: the
// long way reads it, or says what is wrong.
bool read_plain_registry_message(std::string_view json, RegistryMessage& message);

}  // namespace causeway::cf
