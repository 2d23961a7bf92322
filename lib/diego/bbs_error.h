#pragma once

#include <string>

#include "base/result.h"

namespace causeway::diego {

// Why a call to the BBS failed. A value.
struct BbsError {
  // The BBS answered with this error: a models::Error::Type (diego.md section 4).
  bool is_answer = false;
  int type = 0;
  // The answer as one of our faults, or what went wrong on the way. `detail` holds the BBS's
  // message.
  Error cause = {};

  bool is_type(int expected) const { return is_answer && type == expected; }
};

// The answer of that type with that message.
BbsError bbs_answer(int type, std::string message);
BbsError bbs_failure(Error cause);
// "ResourceNotFound: the requested resource could not be found", or the transport's error.
std::string to_string(const BbsError& error);
// "ResourceNotFound"; "type 99" for one that we do not know.
std::string bbs_error_name(int type);

}  // namespace causeway::diego
