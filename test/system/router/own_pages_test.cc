// Listeners for operators: how long they wait for a request.
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

using std::chrono::steady_clock;

// All of them at once: it takes as long as the limit, which is the original's.
TEST(OwnPagesTest, a_request_that_does_not_come_to_its_end_is_cut_after_10_seconds) {
  Routed routed;
  const RouterBinary& router = routed.router();
  const auto began = steady_clock::now();
  std::vector<RawSocket> clients;
  for (const uint16_t port : {router.status_port(), router.routes_port(), router.metrics_port()}) {
    clients.push_back(RawSocket::connect(port));
    clients.back().send("GET /health HTTP/1.1\r\nHost: h\r\n");
  }
  for (RawSocket& client : clients) {
    const std::string last_words = client.receive_all();
    EXPECT_FALSE(client.timed_out());
    EXPECT_TRUE(last_words.empty() || last_words.starts_with("HTTP/1.1 408 ")) << last_words;
    EXPECT_GE(steady_clock::now() - began, std::chrono::milliseconds(9'500));
  }
  EXPECT_EQ(router.health(), 200);
}

// In a network of its own, where the ports that nobody configured are free.
TEST(OwnPagesTest, without_a_file_a_router_has_the_originals_defaults) {
  const TempFolder folder;
  const std::string script =
      "ip link set lo up || exit 1\n"
      "setpriv --pdeathsig KILL nats-server -a 127.0.0.1 -p 4222 &\n"
      "until (: < /dev/tcp/127.0.0.1/4222) 2> /dev/null; do sleep 0.05; done\n"
      "exec '" +
      own_binary("router") + "'\n";
  Process process({"unshare", ::geteuid() == 0 ? "-n" : "-rn", "bash", "-c", script},
                  folder.path() + "/log");
  ASSERT_TRUE(process.wait_for_output("gorouter.started")) << process.output();
  const std::string log = process.output();
  EXPECT_NE(log.find("\"port\":8081"), std::string::npos) << log;
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait_for_exit(), 0) << process.output();
}

}  // namespace
}  // namespace causeway::test
