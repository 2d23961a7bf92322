// Any bytes as an event stream of the BBS: the same events whichever way it is cut, each refused
// with a reason or understood and written again alike. The first byte says how it is cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "diego/bbs_events.h"
#include "rpc/event_stream.h"

namespace {

using namespace causeway;

constexpr size_t event_bytes_max = 4096;

struct Heard {
  std::string id, event, data;
  bool operator==(const Heard&) const = default;
};

template <class Decode>
void try_decode(const Heard& heard, Decode decode) {
  const auto event = decode(heard.event, heard.data);
  if (!event) {
    if (event.error().detail.empty()) std::abort();
    return;
  }
  if (!*event) return;
  const auto [type, data] = diego::encode_event(**event);
  const auto again = decode(type, data);
  if (type != heard.event || !again || !*again || diego::encode_event(**again).second != data)
    std::abort();
}

// Answers what was heard before the stream was refused, if it was.
std::vector<Heard> read(std::string_view bytes, size_t piece, bool& is_refused) {
  std::vector<Heard> all;
  rpc::EventStreamParser parser(event_bytes_max, [&all](auto id, auto event, auto data) {
    all.push_back({std::string(id), std::string(event), std::string(data)});
    return true;
  });
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (parser.feed(bytes.substr(0, piece))) continue;
    is_refused = true;
    break;
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool is_refused = false, is_refused_in_pieces = false;
  const auto all = read(bytes, bytes.size(), is_refused);
  const auto in_pieces = read(bytes, data[0] + size_t{1}, is_refused_in_pieces);
  if (is_refused != is_refused_in_pieces || all != in_pieces) std::abort();
  for (const Heard& heard : all) {
    if (heard.data.size() > event_bytes_max) std::abort();
    try_decode(heard, diego::decode_lrp_event);
    try_decode(heard, diego::decode_task_event);
  }
  return 0;
}
