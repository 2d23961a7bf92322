#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Rows are the messages that lists are made of, so a list can be put together from their bytes
// without decoding and encoding each of them. Pure functions.
namespace causeway::bbs {

// What lists choose by, pointing into the row.
struct StoredActual {
  std::string_view message;
  std::string_view process_guid = {}, domain = {}, cell_id = {};
  int32_t index = 0;
};
// Empty when the row is not one, as far as its outer structure tells.
std::optional<StoredActual> look_into_actual(std::string_view row);

struct StoredDesired {
  std::string_view message;  // the small part
  std::string_view domain;
};
std::optional<StoredDesired> look_into_desired(std::string_view scheduling_row);

// Appends a field of that number that holds a message.
void append_message(std::string& out, uint32_t number, std::string_view message);
// The same with a desired LRP put together from its two parts. False, and nothing is appended, when
// they cannot be read. `run_row` "": none.
[[nodiscard]] bool append_whole_desired(std::string& out, uint32_t number,
                                        std::string_view scheduling_row, std::string_view run_row);

}  // namespace causeway::bbs
