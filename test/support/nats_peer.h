#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "test/support/raw_client.h"

namespace causeway::test {

// Another client of a NATS server, speaking its text protocol over a socket: what registers routes
// in a test and hears what routers say. Owner and thread: the test's.
class NatsPeer {
 public:
  explicit NatsPeer(uint16_t port);

  void publish(std::string_view subject, std::string_view payload, std::string_view reply = {});
  void subscribe(std::string_view subject);
  // Returns when the server has taken everything said so far.
  void flush();

  struct Heard {
    std::string subject;  // "" when nothing comes in time
    std::string payload;
  };
  Heard hear();

 private:
  RawSocket socket_;
  int subscriptions_ = 0;
};

}  // namespace causeway::test
