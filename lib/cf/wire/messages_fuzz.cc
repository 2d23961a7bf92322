// Any text as any JSON message of cells and auctioneer: refused with a reason, or read and written
// again alike; and the short reader of cell states agrees with the long one.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cf/wire/auctioneer_messages.h"
#include "cf/wire/cell_brief.h"
#include "cf/wire/cell_presence.h"
#include "cf/wire/rep_messages.h"

namespace {

using namespace causeway;

template <class Parse>
void try_message(std::string_view text, Parse parse) {
  const auto message = parse(text);
  if (!message) {
    if (message.error().detail.empty()) std::abort();
    return;
  }
  const auto again = parse(to_json(*message));
  if (!again || !(*again == *message)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_message(text, cf::parse_work);
  try_message(text, cf::parse_lrp_update);
  const auto state = cf::parse_cell_state(text);
  const auto brief = cf::parse_cell_brief(text);
  // The short reader looks at less, so it may take more.
  if (state && (!brief || !(*brief == cf::brief_of(*state)))) std::abort();
  (void)cf::parse_cell_presence(text);
  (void)cf::parse_lrp_start_requests(text);
  (void)cf::parse_task_start_requests(text);
  return 0;
}
