#include "control/bbs/rows/stored_process.h"

namespace causeway::bbs {

StoredProcess decode_process(const store::ProcessRows& rows) {
  StoredProcess process;
  const auto decode = [&process](const std::string& bytes, auto& message) {
    message.emplace();
    if (decode_row(bytes, *message)) return true;
    message.reset();
    ++process.undecodable;
    return false;
  };
  if (rows.scheduling && decode(*rows.scheduling, process.state.scheduling))
    process.scheduling_bytes = *rows.scheduling;
  if (rows.run && decode(*rows.run, process.state.run)) process.run_bytes = *rows.run;
  for (const auto& row : rows.actual) {
    const auto slot = parse_slot(row.slot);
    if (!slot) {
      ++process.undecodable;
      continue;
    }
    if (decode(row.bytes, process.state.indexes[slot->first].of(slot->second)))
      process.actual_bytes[row.slot] = row.bytes;
  }
  return process;
}

}  // namespace causeway::bbs
