#include "control/store/cell_script.h"

namespace causeway::store {

const char* const kCellScript = R"(
if redis.call('SCARD', KEYS[1]) > tonumber(ARGV[2]) then return false end
local rows = {}
for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local guid, slot = string.match(member, '^(.*)/([^/]*)$')
  local row = redis.call('HGET', ARGV[1] .. guid, slot)
  if row then
    rows[#rows + 1] = member
    rows[#rows + 1] = row
  end
end
return rows
)";

}  // namespace causeway::store
