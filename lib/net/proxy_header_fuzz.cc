// The header of a PROXY protocol connection, in one piece and in pieces of one length: both say the
// same, nothing of what a client sends is lost, and what was told can be written and read again.
//
// Input: the length of the pieces (one byte, 0 counts as 1), then what comes over the connection.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "net/proxy_header.h"

using namespace causeway;

namespace {

using Step = net::ProxyHeaderReader::Step;

struct Outcome {
  Step step = Step::more;
  size_t taken = 0;
  net::ProxyHeader header;
};

Outcome read(std::string_view text, size_t piece) {
  net::ProxyHeaderReader reader;
  Outcome outcome;
  while (outcome.step == Step::more && outcome.taken < text.size()) {
    const std::string_view bytes = text.substr(outcome.taken, piece);
    const auto fed = reader.feed(bytes);
    CHECK(fed.taken <= bytes.size());
    CHECK(fed.step != Step::more || fed.taken == bytes.size());
    outcome.step = fed.step;
    outcome.taken += fed.taken;
  }
  if (outcome.step == Step::absent) CHECK(reader.begun() == text.substr(0, outcome.taken));
  CHECK((outcome.step == Step::bad) != reader.reason().empty());
  outcome.header = reader.header();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 1) return 0;
  const size_t piece = std::max<size_t>(bytes[0], 1);
  const std::string_view text(reinterpret_cast<const char*>(bytes + 1), size - 1);
  const Outcome whole = read(text, std::max<size_t>(text.size(), 1));
  const Outcome pieces = read(text, piece);
  CHECK(whole.step == pieces.step);
  if (whole.step == Step::done) CHECK(whole.taken == pieces.taken);
  CHECK(whole.header.has_addresses == pieces.header.has_addresses);
  if (!whole.header.has_addresses) return 0;
  CHECK(whole.header.client == pieces.header.client);
  CHECK(whole.header.server == pieces.header.server);
  for (const net::ProxyVersion version : {net::ProxyVersion::v1, net::ProxyVersion::v2}) {
    std::string written;
    append_proxy_header(written, version, whole.header.client, whole.header.server);
    const Outcome again = read(written, written.size());
    CHECK(again.step == Step::done && again.taken == written.size());
    CHECK(again.header.client == whole.header.client);
    CHECK(again.header.server == whole.header.server);
  }
  return 0;
}
