#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "common.pb.h"

namespace causeway::bbs {

// Why a call was refused: what goes into `error` of its response.
struct Refusal {
  models::Error::Type type = models::Error::UnknownError;
  std::string message;
};

// The refusal with the message that Diego sends for this type.
Refusal refuse(models::Error::Type type);
// A failure of the store (or anything else of ours) as clients see it.
Refusal refusal_of(const Error& error);

models::Error to_error(const Refusal& refusal);

// At most 1,024 bytes of what clients report as a reason; longer ones end in "(truncated)".
std::string truncate_reason(std::string_view reason);

}  // namespace causeway::bbs
