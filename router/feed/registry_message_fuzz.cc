// Any payload on router.register and router.unregister: parsed or refused, applied, published,
// found again.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cf/wire/registry_message.h"
#include "router/feed/subscriber.h"
#include "router/route/host_hash.h"

using namespace causeway;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view payload(reinterpret_cast<const char*>(bytes), size);
  Result<cf::RegistryMessage> message = cf::parse_registry_message(payload);
  if (!message) {
    CHECK(!message.error().detail.empty());
    return 0;
  }
  const auto again = cf::parse_registry_message(cf::to_json(*message));
  CHECK(again && *again == *message);

  const ManualClock clock;
  router::RouteBook book({}, clock);
  router::RouteChange change;
  router::to_change(std::move(message).value(), router::RouteChange::Kind::add, change);
  book.apply(change);
  const auto table = book.publish();
  for (const std::string& uri : change.uris) {
    const std::string key = router::route_key(uri);
    const router::Pool* pool = table->find_exact(key);
    const std::string_view host = std::string_view(key).substr(0, key.find('/'));
    const bool fits = router::Endpoint::fits(change.endpoint) && !host.empty() &&
                      host.size() <= router::kHostBytesMax;
    CHECK((pool != nullptr) == (fits && !key.empty()));
    if (pool != nullptr) CHECK(pool->endpoints()[0]->says_the_same_as(change.endpoint));
    (void)table->find(host, std::string_view(key).substr(host.size()));
  }
  change.kind = router::RouteChange::Kind::remove;
  book.apply(change);
  CHECK(book.publish()->size() == 0);
  return 0;
}
