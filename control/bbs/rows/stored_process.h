#pragma once

#include <map>
#include <string>

#include "control/bbs/rows/rows.h"
#include "control/store/store.h"

namespace causeway::bbs {

// A process as the store has it: decoded, and the bytes it was decoded from (what a commit compares
// with).
struct StoredProcess {
  ProcessState state;
  std::map<std::string, std::string> actual_bytes;  // by slot
  std::string scheduling_bytes, run_bytes;          // "" for none
  size_t undecodable = 0;
};
StoredProcess decode_process(const store::ProcessRows& rows);

}  // namespace causeway::bbs
