// A router inside the test's own process, so that its sockets can be broken.

#include "router/router_process.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <future>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "router/config/router_config.h"
#include "test/support/certificates.h"
#include "test/support/fake_backend.h"
#include "test/support/nats_peer.h"
#include "test/support/server_process.h"
#include "test/system/router/router_binary.h"

namespace causeway::test {
namespace {

// A descriptor of this process that listens on that port.
int listening_descriptor(uint16_t port) {
  for (int descriptor = 0; descriptor < 1024; ++descriptor) {
    int listens = 0;
    socklen_t length = sizeof listens;
    sockaddr_in name{};
    socklen_t name_length = sizeof name;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 &&
        listens != 0 &&
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&name), &name_length) == 0 &&
        ntohs(name.sin_port) == port) {
      return descriptor;
    }
  }
  return -1;
}

// A RouterProcess on a thread of its own. Owner and thread: the test's.
class RouterThread {
 public:
  RouterThread(uint16_t nats_port, const std::string& more) {
    std::ostringstream yaml;
    yaml << "port: " << port << "\nstatus: {host: 127.0.0.1, port: " << status_port
         << ", routes: {port: " << free_port()
         << "}}\nnats: {hosts: [{hostname: 127.0.0.1, port: " << nats_port
         << "}]}\nworkers: 2\nstart_response_delay_interval: 50ms\n"
         << more;
    thread_ = std::thread([this, text = yaml.str()] {
      auto loaded = router::parse_config(text, "router.yml");
      const log::Logger logger(sink_, "gorouter");
      exit_code_.set_value(
          router::RouterProcess(std::move(loaded).value(), sink_, logger, {.version = "test"})
              .run());
    });
  }
  ~RouterThread() { thread_.join(); }
  RouterThread(const RouterThread&) = delete;
  RouterThread& operator=(const RouterThread&) = delete;

  bool says(const std::string& text) {
    return eventually([&] {
      sink_.flush();
      return Authority::text_of(folder_.path() + "/log").find(text) != std::string::npos;
    });
  }
  int exit_code() { return exit_code_.get_future().get(); }

  const uint16_t port = free_port();
  const uint16_t status_port = free_port();

 private:
  TempFolder folder_;
  log::Sink sink_{{.shape = log::Shape::gorouter, .path = folder_.path() + "/log"}};
  std::promise<int> exit_code_;
  std::thread thread_;
};

std::string plain_get(const std::string& host, const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}

TEST(RouterProcessTest, a_listening_socket_that_fails_ends_it_by_a_drain) {
  NatsServer nats;
  std::promise<void> asked;
  std::promise<void> may_answer;
  std::shared_future<void> answer_now = may_answer.get_future().share();
  FakeBackend backend([&](RawSocket& peer, size_t) {
    for (RawMessage request = read_request(peer); request.is_whole; request = read_request(peer)) {
      if (request.start_line().find("/slow") != std::string::npos) {
        asked.set_value();
        answer_now.wait();
      }
      peer.send(ok_reply("done"));
    }
  });
  RouterThread router(nats.port(), "drain_wait: 200ms\ndrain_timeout: 60s\n");
  ASSERT_TRUE(router.says("gorouter.started"));
  NatsPeer peer(nats.port());
  RawSocket slow = RawSocket::connect(router.port);
  ASSERT_TRUE(eventually([&] {
    peer.publish("router.register", registration("app.d", backend.port()));
    peer.flush();
    slow.send(plain_get("app.d", "/warm-up"));
    return read_reply(slow).status() == 200;
  }));
  slow.send(plain_get("app.d", "/slow"));
  asked.get_future().wait();

  const int descriptor = listening_descriptor(router.port);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::shutdown(descriptor, SHUT_RDWR), 0);
  EXPECT_TRUE(router.says("listener-failed"));
  EXPECT_TRUE(router.says("gorouter-draining"));
  RawSocket health = RawSocket::connect(router.status_port);
  health.send(plain_get("h", "/health"));
  EXPECT_EQ(read_reply(health).status(), 503);
  may_answer.set_value();
  EXPECT_EQ(read_reply(slow).body, "done");
  EXPECT_EQ(router.exit_code(), 1);  // to be started again
  EXPECT_TRUE(router.says("gorouter.stopped"));
}

}  // namespace
}  // namespace causeway::test
