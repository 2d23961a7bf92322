// Requests that go through: heads, bodies, keep-alive, pipelining, framing.
#include <string>

#include <gtest/gtest.h>

#include "test/support/fake_backend.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

std::string chunk(const std::string& bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + bytes + "\r\n";
}

// A client of a router with one app.
struct OneApp {
  explicit OneApp(FakeBackend::Serve serve) : backend(std::move(serve)) {
    router.add("app.example", backend.port());
  }
  FakeBackend backend;
  RouterUnderTest router;
  RawSocket client = router.connect();
};

TEST(Forward, a_request_reaches_the_backend_with_the_routers_headers) {
  FakeBackend backend(FakeBackend::echoes());
  RouterUnderTest router;
  router.add("app.example", backend.port(), [](router::EndpointSpec& spec) {
    spec.app_id = "app-1";
    spec.instance_id = "instance-1";
    spec.instance_index = "3";
  });
  RawSocket client = router.connect();
  client.send(
      "GET /a%2Fb//c/../d;x?y=1 HTTP/1.1\r\nHost: App.Example:8080\r\nx-Odd-Case: kept\r\nX-Dup: "
      "1\r\nX-Dup: 2\r\n"
      "X-Forwarded-For: 192.0.2.7\r\nX-Vcap-Request-Id: forged\r\nX-CF-ApplicationID: "
      "forged\r\nKeep-Alive: 5\r\n"
      "Connection: X-Drop-Me, keep-alive\r\nX-Drop-Me: 1\r\nTE: gzip, trailers\r\n\r\n");
  const RawMessage reply = read_reply(client);
  ASSERT_EQ(reply.status(), 200);
  const RawMessage seen{.head = reply.body};
  EXPECT_EQ(seen.start_line(), "GET /a%2Fb//c/../d;x?y=1 HTTP/1.1");
  EXPECT_EQ(seen.header("Host"), "App.Example:8080");
  EXPECT_NE(seen.head.find("x-Odd-Case: kept\r\n"), std::string::npos);
  EXPECT_EQ(seen.count("X-Dup"), 2);
  EXPECT_EQ(seen.header("X-Forwarded-For"), "192.0.2.7, 127.0.0.1");
  EXPECT_EQ(seen.header("X-Forwarded-Proto"), "http");
  EXPECT_EQ(seen.header("X-CF-ApplicationID"), "app-1");
  EXPECT_EQ(seen.count("X-CF-ApplicationID"), 1);
  EXPECT_EQ(seen.header("X-CF-InstanceID"), "instance-1");
  EXPECT_EQ(seen.header("X-CF-InstanceIndex"), "3");
  EXPECT_EQ(seen.header("TE"), "trailers");
  EXPECT_EQ(seen.header("X-Request-Start").size(), 13u);
  EXPECT_FALSE(seen.has("Connection"));
  EXPECT_FALSE(seen.has("Keep-Alive"));
  EXPECT_FALSE(seen.has("X-Drop-Me"));
  EXPECT_FALSE(seen.has("Via"));
  EXPECT_FALSE(seen.has("User-Agent"));
  const std::string id = seen.header("X-Vcap-Request-Id");
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(reply.header("X-Vcap-Request-Id"), id);
  EXPECT_EQ(reply.header("Date").size(), 29u);
}

TEST(Forward, connections_are_kept_on_both_sides) {
  OneApp app(FakeBackend::answers("hello"));
  for (int i = 0; i < 5; ++i) {
    app.client.send("GET / HTTP/1.1\r\nHost: app.example\r\n\r\n");
    const RawMessage reply = read_reply(app.client);
    ASSERT_EQ(reply.status(), 200);
    EXPECT_EQ(reply.body, "hello");
    EXPECT_FALSE(reply.has("Connection"));
  }
  EXPECT_EQ(app.backend.connections(), 1u);
  EXPECT_EQ(app.router.counts().backend_idle, 1u);
  EXPECT_EQ(app.router.counts().client_connections, 1u);
}

TEST(Forward, without_keep_alive_each_request_has_its_own_backend_connection) {
  FakeBackend backend(FakeBackend::echoes());
  RouterUnderTest::Options options;
  options.settings.disable_keep_alives = true;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  for (int i = 0; i < 3; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: app.example\r\n\r\n");
    const RawMessage reply = read_reply(client);
    ASSERT_EQ(reply.status(), 200);
    EXPECT_EQ(RawMessage{.head = reply.body}.header("Connection"), "close");
  }
  EXPECT_EQ(backend.connections(), 3u);
}

TEST(Forward, pipelined_requests_are_answered_in_order) {
  OneApp app(FakeBackend::echoes());
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text += "POST /" + std::to_string(i) +
            " HTTP/1.1\r\nHost: " + (i % 7 == 3 ? "none" : "app.example") +
            "\r\nContent-Length: 4\r\n\r\nbody";
  }
  app.client.send(text);
  for (int i = 0; i < 20; ++i) {
    const RawMessage reply = read_reply(app.client);
    ASSERT_EQ(reply.status(), i % 7 == 3 ? 404 : 200) << i;
    if (reply.status() == 200) {
      EXPECT_EQ(reply.body.substr(0, reply.body.find(" HTTP")), "POST /" + std::to_string(i));
      EXPECT_TRUE(reply.body.ends_with("\r\n\r\nbody"));
    }
  }
}

TEST(Forward, bodies_of_every_framing_arrive) {
  FakeBackend backend(FakeBackend::echoes());
  RouterUnderTest router;
  router.add("app.example", backend.port());
  const std::string large(300'000, 'x');
  RawSocket client = router.connect();
  client.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 300000\r\n\r\n" + large);
  RawMessage reply = read_reply(client);
  EXPECT_TRUE(reply.body.ends_with("\r\n\r\n" + large));

  client.send(
      "POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\nTrailer: "
      "X-Sum\r\n\r\n" +
      chunk("one") + chunk(large) + chunk("three") + "0\r\nX-Sum: 7\r\n\r\n");
  reply = read_reply(client);
  const RawMessage seen{.head = reply.body.substr(0, reply.body.find("\r\n\r\n") + 4)};
  EXPECT_EQ(seen.header("Transfer-Encoding"), "chunked");
  EXPECT_FALSE(seen.has("Content-Length"));
  EXPECT_EQ(seen.header("Trailer"), "X-Sum");
  EXPECT_TRUE(reply.body.ends_with("one" + large + "threeX-Sum: 7\r\n"));

  client.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 0\r\n\r\n");
  reply = read_reply(client);
  EXPECT_EQ(RawMessage{.head = reply.body}.header("Content-Length"), "0");
  EXPECT_EQ(backend.connections(), 1u);
}

TEST(Forward, a_body_that_comes_byte_by_byte_arrives) {
  OneApp app(FakeBackend::echoes());
  const std::string text =
      "POST /slow HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: "
      "chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
  for (const char c : text) ASSERT_TRUE(app.client.send(std::string_view(&c, 1)));
  EXPECT_TRUE(read_reply(app.client).body.ends_with("body"));
}

TEST(Forward, replies_of_every_framing_arrive) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    for (;;) {
      const RawMessage request = read_request(peer);
      if (!request.is_whole) return;
      const std::string line = request.start_line();
      if (line.find("/chunked") != std::string::npos) {
        peer.send(
            "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3\r\nabc\r\n");
        peer.send("3;ext=1\r\ndef\r\n0\r\nX-T: 1\r\n\r\n");
      } else if (line.find("/close") != std::string::npos) {
        peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
        return;
      } else if (line.find("/none") != std::string::npos) {
        peer.send("HTTP/1.1 204 No Content\r\n\r\n");
      } else if (line.find("/cached") != std::string::npos) {
        peer.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: \"1\"\r\n\r\n");
      } else {
        peer.send(
            "HTTP/1.1 299 Odd One\r\nContent-Length: 2\r\nX-Dup: 1\r\nX-Dup: 2\r\nKeep-Alive: "
            "9\r\n\r\nok");
      }
    }
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  const auto ask = [&](const std::string& path, const std::string& method = "GET") {
    client.send(method + " " + path + " HTTP/1.1\r\nHost: app.example\r\n\r\n");
    return read_reply(client, method);
  };
  RawMessage reply = ask("/chunked");
  EXPECT_EQ(reply.start_line(), "HTTP/1.1 200 Fine");
  EXPECT_TRUE(reply.was_chunked);
  EXPECT_EQ(reply.body, "abcdef");
  EXPECT_EQ(reply.trailers, "X-T: 1\r\n");
  EXPECT_EQ(reply.header("Trailer"), "X-T");

  reply = ask("/close");
  EXPECT_TRUE(reply.was_chunked);
  EXPECT_TRUE(reply.is_whole);
  EXPECT_EQ(reply.body, "until the end");

  EXPECT_EQ(ask("/none").status(), 204);
  EXPECT_EQ(ask("/cached").header("ETag"), "\"1\"");

  reply = ask("/odd");
  EXPECT_EQ(reply.start_line(), "HTTP/1.1 299 Odd One");
  EXPECT_EQ(reply.count("X-Dup"), 2);
  EXPECT_FALSE(reply.has("Keep-Alive"));

  reply = ask("/odd", "HEAD");
  EXPECT_EQ(reply.header("Content-Length"), "2");
  EXPECT_EQ(ask("/odd").body, "ok");
}

TEST(Forward, http_1_0_clients) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    while (read_request(peer).is_whole)
      peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  client.send("GET / HTTP/1.0\r\nHost: app.example\r\n\r\n");
  RawMessage reply = read_reply(client);
  EXPECT_EQ(reply.start_line(), "HTTP/1.0 200 OK");
  EXPECT_FALSE(reply.has("Transfer-Encoding"));
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_EQ(reply.body, "hello");

  FakeBackend sized(FakeBackend::answers("sized"));
  router.add("sized.example", sized.port());
  RawSocket kept = router.connect();
  for (int i = 0; i < 2; ++i) {
    kept.send("GET / HTTP/1.0\r\nHost: sized.example\r\nConnection: keep-alive\r\n\r\n");
    reply = read_reply(kept);
    EXPECT_EQ(reply.header("Connection"), "keep-alive");
    EXPECT_EQ(reply.body, "sized");
  }
}

TEST(Forward, connection_close_closes) {
  OneApp app(FakeBackend::answers("bye"));
  app.client.send("GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n");
  const RawMessage reply = read_reply(app.client);
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_EQ(reply.body, "bye");
  EXPECT_EQ(app.client.receive_all(), "");
  EXPECT_FALSE(app.client.was_reset());
  EXPECT_FALSE(app.client.timed_out());
  EXPECT_TRUE(eventually([&] { return app.router.counts().client_connections == 0; }));
}

TEST(Forward, a_half_closed_client_still_gets_its_reply) {
  OneApp app(FakeBackend::echoes());
  app.client.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\n\r\nbody");
  app.client.half_close();
  EXPECT_TRUE(read_reply(app.client).body.ends_with("body"));
  EXPECT_EQ(app.client.receive_all(), "");
  EXPECT_FALSE(app.client.timed_out());
}

TEST(Forward, absolute_form_decides_the_host) {
  FakeBackend backend(FakeBackend::echoes());
  RouterUnderTest router;
  router.add("real.example/path", backend.port());
  RawSocket client = router.connect();
  client.send("GET http://Real.example/path/x?q HTTP/1.1\r\nHost: other.example\r\n\r\n");
  const RawMessage reply = read_reply(client);
  ASSERT_EQ(reply.status(), 200);
  const RawMessage seen{.head = reply.body};
  EXPECT_EQ(seen.start_line(), "GET http://Real.example/path/x?q HTTP/1.1");
  EXPECT_EQ(seen.header("Host"), "Real.example");
  EXPECT_EQ(seen.count("Host"), 1);
}

TEST(Forward, connection_cannot_name_what_frames_a_message) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    for (;;) {
      const RawMessage request = read_request(peer);
      if (!request.is_whole) return;
      EXPECT_EQ(request.header("Host"), "app.example");
      EXPECT_EQ(request.header("Content-Length"), "4");
      EXPECT_EQ(request.header("X-CF-InstanceIndex"), "0");
      EXPECT_TRUE(request.has("X-Forwarded-For"));
      peer.send(
          "HTTP/1.1 200 OK\r\nConnection: Content-Length, X-Gone\r\nX-Gone: 1\r\nContent-Length: "
          "2\r\n\r\nok");
    }
  });
  RouterUnderTest router;
  router.add("app.example", backend.port(),
             [](router::EndpointSpec& spec) { spec.instance_index = "0"; });
  RawSocket client = router.connect();
  for (int i = 0; i < 2; ++i) {
    client.send(
        "POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\nConnection: content-length, "
        "host, "
        "x-forwarded-for, x-cf-instanceindex, transfer-encoding\r\n\r\nbody");
    const RawMessage reply = read_reply(client);
    EXPECT_EQ(reply.header("Content-Length"), "2");
    EXPECT_FALSE(reply.has("X-Gone"));
    EXPECT_EQ(reply.body, "ok");
  }
}

TEST(Forward, interim_replies_and_expectations_pass) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    for (;;) {
      const std::string head = peer.receive_until("\r\n\r\n");
      if (head.empty()) return;
      EXPECT_NE(head.find("Expect: 100-continue"), std::string::npos);
      peer.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
      EXPECT_EQ(peer.receive_exactly(4), "body");
      peer.send(ok_reply("done"));
    }
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  RawSocket client = router.connect();
  for (int i = 0; i < 2; ++i) {
    client.send(
        "POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\nExpect: "
        "100-continue\r\n\r\n");
    const RawMessage hints = read_reply(client);
    EXPECT_EQ(hints.status(), 103);
    EXPECT_EQ(hints.header("Link"), "</x>");
    EXPECT_EQ(read_reply(client).status(), 100);
    client.send("body");
    EXPECT_EQ(read_reply(client).body, "done");
  }
  EXPECT_EQ(backend.connections(), 1u);
}

TEST(Forward, an_early_reply_arrives_although_the_client_still_sends) {
  FakeBackend backend([](RawSocket& peer, size_t) {
    peer.receive_until("\r\n\r\n");
    peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  });
  RouterUnderTest router;
  router.add("app.example", backend.port());
  for (int round = 0; round < 5; ++round) {
    RawSocket client = router.connect();
    client.send("POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 100000000\r\n\r\n");
    client.send(std::string(500'000, 'x'));
    const RawMessage reply = read_reply(client);
    EXPECT_EQ(reply.status(), 413);
    EXPECT_EQ(reply.body, "no");
    EXPECT_EQ(reply.header("Connection"), "close");
  }
  EXPECT_TRUE(eventually([&] { return router.counts().exchanges == 0; }));
}

TEST(Forward, round_robin_takes_turns) {
  FakeBackend one(FakeBackend::answers("1"));
  FakeBackend two(FakeBackend::answers("2"));
  RouterUnderTest router;
  router.add("app.example", one.port());
  router.add("app.example", two.port());
  std::string seen;
  for (int i = 0; i < 6; ++i) seen += router.get("app.example").body;
  EXPECT_TRUE(seen == "121212" || seen == "212121") << seen;
}

TEST(Forward, several_workers_share_a_port) {
  FakeBackend backend(FakeBackend::answers("x"));
  RouterUnderTest::Options options;
  options.workers = 3;
  RouterUnderTest router(options);
  router.add("app.example", backend.port());
  for (int i = 0; i < 30; ++i) EXPECT_EQ(router.get("app.example").body, "x");
  EXPECT_EQ(router.metric("total_requests{component=\"\"}", 30), 30);
}

}  // namespace
