// Connections of HTTP/2 clients: how the router takes its leave.
#include <functional>
#include <future>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/support/http2_peer.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

constexpr uint32_t no_stream_named = 0x7fff'ffff;

router::Settings h2c_settings() {
  router::Settings settings = usual_settings();
  settings.http2.on_plain_port = true;
  return settings;
}

struct Leaver {
  const char* name;
  std::function<void(router::Settings&)> set;
  std::function<void(RouterUnderTest&)> leave;
};

class Http2Leave : public testing::TestWithParam<Leaver> {
 protected:
  static router::Settings settings() {
    router::Settings made = h2c_settings();
    GetParam().set(made);
    return made;
  }
  void ask(uint32_t stream, const std::string& path = "/") {
    peer.send_head(
        stream,
        {{":method", "GET"}, {":scheme", "http"}, {":path", path}, {":authority", "app.example"}},
        true);
  }

  std::promise<void> gate_;
  std::shared_future<void> open_ = gate_.get_future().share();
  FakeBackend backend{[this](RawSocket& asking, size_t) {
    while (true) {
      const RawMessage request = read_request(asking);
      if (!request.is_whole) return;
      if (request.start_line().find("/held") != std::string::npos) open_.wait_for(patience);
      asking.send(ok_reply("served"));
    }
  }};
  RouterUnderTest router{RouterUnderTest::Options{.settings = settings(), .access_log_path = {}}};
  RawSocket socket{router.connect()};
  Http2Peer peer{socket};
};

TEST_P(Http2Leave, takes_two_steps_and_loses_no_request) {
  router.add("app.example", backend.port());
  ASSERT_TRUE(peer.call());
  ask(1, "/held");
  ASSERT_TRUE(eventually([this] { return router.counts().exchanges == 1; }));
  GetParam().leave(router);
  ask(3);  // on its way when the client hears that none should come
  std::vector<std::string> goaways;
  std::set<uint32_t> served;
  while (const auto frame = peer.next()) {
    const bool is_message = frame->type == H2Type::data || frame->type == H2Type::headers;
    if (is_message && (frame->flags & h2_end_stream) != 0) served.insert(frame->stream);
    if (frame->type != H2Type::goaway) continue;
    goaways.push_back(frame->payload.substr(0, 8));
    if (goaways.size() < 2) continue;
    // Too late: nobody answers, and the client knows that it may ask elsewhere.
    ask(5);
    gate_.set_value();
  }
  EXPECT_FALSE(socket.was_reset() || socket.timed_out());
  EXPECT_EQ(goaways,
            (std::vector<std::string>{h2_u32(no_stream_named) + h2_u32(0), h2_u32(3) + h2_u32(0)}));
  EXPECT_EQ(served, (std::set<uint32_t>{1, 3}));
  socket.close();
  EXPECT_TRUE(eventually([this] { return router.counts().client_connections == 0; }));
  EXPECT_EQ(backend.connections(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Http2Client, Http2Leave,
                         testing::Values(Leaver{"at_drain", [](router::Settings&) {},
                                                [](RouterUnderTest& router) {
                                                  router.worker().drain(std::chrono::seconds(60),
                                                                        [](size_t) {});
                                                }},
                                         Leaver{"at_its_age",
                                                [](router::Settings& settings) {
                                                  settings.http2.connection_age_max =
                                                      std::chrono::milliseconds(300);
                                                },
                                                [](RouterUnderTest&) {}}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(Http2Client, without_an_age_a_connection_stays_until_it_is_idle) {
  FakeBackend backend(FakeBackend::answers("served"));
  router::Settings settings = h2c_settings();
  settings.frontend_idle_timeout = std::chrono::milliseconds(300);
  RouterUnderTest router(RouterUnderTest::Options{.settings = settings, .access_log_path = {}});
  router.add("app.example", backend.port());
  RawSocket socket = router.connect();
  Http2Peer peer(socket);
  ASSERT_TRUE(peer.call());
  const auto goaway = peer.next();
  ASSERT_TRUE(goaway);
  EXPECT_EQ(goaway->type, H2Type::goaway);
  EXPECT_EQ(goaway->payload.substr(0, 8), h2_u32(0) + h2_u32(0));
  EXPECT_FALSE(peer.next());
  EXPECT_FALSE(socket.was_reset() || socket.timed_out());
}

}  // namespace
