#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::net {
class Loop;
}

namespace causeway::health {

// How an instance shows that it is well: it accepts a connection, or answers a GET with 200.
struct Check {
  enum class Kind : uint8_t { tcp, http };
  Kind kind = Kind::tcp;
  uint16_t port = 0;                           // of the container
  std::string path = "/";                      // http
  Duration timeout = std::chrono::seconds(1);  // of one attempt
};

// One attempt of a check, from outside of the container: its address must answer, not its loopback
// device. The failure's detail is for the app's author, in the words of Diego's healthcheck. Calls
// back exactly once, never from inside start(), unless destroyed first. Owner: who checks. Thread:
// its loop's.
class Probe {
 public:
  using Done = std::function<void(Result<void>)>;
  static std::unique_ptr<Probe> start(net::Loop& loop, const std::string& address,
                                      const Check& check, Done done);
  virtual ~Probe() = default;
};

}  // namespace causeway::health
