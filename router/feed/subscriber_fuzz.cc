// The path of NATS messages: a row of them, as the connection hands them over, into the subscriber,
// the book and published tables. What is malformed is counted and changes nothing; withdrawing
// everything that was registered leaves nothing.
//
// Input: messages, each a letter (r register, u unregister, o another subject) and its payload,
// with 0xff between them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "cf/wire/registry_message.h"
#include "router/feed/subscriber.h"

using namespace causeway;

namespace {

constexpr size_t input_bytes_max = 16'384;

struct Logs {
  log::Sink sink{{.level = log::Level::error, .path = "/dev/null"}};
  log::Logger logger{sink, "fuzz"};
};

const log::Logger& the_logger() {
  static const Logs* const logs = std::make_unique<Logs>().release();  // its thread stays
  return logs->logger;
}

std::string_view subject_of(char letter) {
  switch (letter) {
    case 'r':
      return "router.register";
    case 'u':
      return "router.unregister";
    default:
      return "router.greet";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size > input_bytes_max) return 0;
  std::string_view rest(reinterpret_cast<const char*>(bytes), size);
  metrics::Registry registry;
  const ManualClock clock;
  router::RouteBook book({}, clock);
  router::Subscriber subscriber(book, clock, the_logger(), registry);
  std::vector<std::string> registered;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\xff'), rest.size());
    const std::string_view message = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (message.empty()) continue;
    const std::string_view payload = message.substr(1);
    const bool is_known = message[0] == 'r' || message[0] == 'u';
    const uint64_t malformed = subscriber.malformed_messages();
    const size_t routes = book.publish()->size();
    subscriber.take(subject_of(message[0]), payload);
    const bool is_malformed = is_known && !cf::parse_registry_message(payload);
    CHECK(subscriber.malformed_messages() == malformed + (is_malformed ? 1 : 0));
    if (is_malformed || !is_known) CHECK(book.publish()->size() == routes);
    if (message[0] == 'r' && !is_malformed) registered.emplace_back(payload);
  }
  for (const std::string& payload : registered) subscriber.take("router.unregister", payload);
  CHECK(book.publish()->size() == 0);
  return 0;
}
