#include "rpc/client.h"

#include <optional>

#include <gtest/gtest.h>

#include "rpc/server.h"
#include "rpc/test_bed.h"

namespace causeway::rpc {
namespace {

using namespace std::chrono_literals;

// A client, and a raw server whose every byte the test writes.
class ClientTest : public testing::Test {
 protected:
  void make_client(Client::Options options = {}) {
    client = std::make_unique<Client>(bed.loop(), options);
  }

  Call call(std::string_view path, std::string body = "") {
    return Call{.url = raw.url(path), .headers = {}, .body = std::move(body)};
  }

  void send(Call what) {
    client->send(std::move(what),
                 [this](Result<Reply> reply) { replies.push_back(std::move(reply)); });
  }

  // The raw server's peer once it has received `text`.
  test::RawPeer& peer(size_t index, std::string_view text) {
    EXPECT_TRUE(bed.until([&] {
      return raw.peers.size() > index && raw.peers[index]->received.find(text) != std::string::npos;
    })) << text;
    return *raw.peers.at(index);
  }

  bool answered(size_t count) {
    return bed.until([&] { return replies.size() >= count; });
  }

  test::TestBed bed;
  test::RawServer raw{bed.loop()};
  std::unique_ptr<Client> client;
  std::vector<Result<Reply>> replies;
};

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(ClientTest, sends_a_call_and_calls_back_with_the_reply) {
  make_client();
  Call what = call("/v1/ping?x=1", "body");
  what.headers = {{"Content-Type", "text/plain"}, {"Content-Length", "999"}};
  send(std::move(what));
  EXPECT_TRUE(replies.empty());
  test::RawPeer& server = peer(0, "body");
  EXPECT_EQ(server.received, "POST /v1/ping?x=1 HTTP/1.1\r\nHost: " + raw.address().to_string() +
                                 "\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody");
  server.send(
      "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Created\r\nX-A: b\r\nTransfer-Encoding: "
      "chunked\r\n\r\n");
  server.send("3\r\nabc\r\n0\r\n\r\n");
  ASSERT_TRUE(answered(1));
  ASSERT_TRUE(replies[0]) << to_string(replies[0].error());
  EXPECT_EQ(replies[0]->status, 201);
  EXPECT_EQ(replies[0]->body, "abc");
  EXPECT_EQ(replies[0]->header("x-a"), "b");
  EXPECT_EQ(replies[0]->header("x-b"), "");
}

TEST_F(ClientTest, keeps_the_connection_for_the_next_call) {
  make_client();
  for (int i = 0; i < 3; ++i) {
    send(call("/" + std::to_string(i)));
    peer(0, "/" + std::to_string(i) + " ").send(kOk);
    ASSERT_TRUE(answered(static_cast<size_t>(i) + 1));
    ASSERT_TRUE(replies.back());
  }
  EXPECT_EQ(raw.peers.size(), 1u);
}

TEST_F(ClientTest, a_call_from_inside_a_callback_uses_the_connection_just_freed) {
  make_client();
  client->send(call("/first"), [this](Result<Reply>) { send(call("/second")); });
  peer(0, "/first").send(kOk);
  peer(0, "/second").send(kOk);
  ASSERT_TRUE(answered(1));
  EXPECT_EQ(raw.peers.size(), 1u);
}

TEST_F(ClientTest, does_not_keep_what_the_server_closes) {
  make_client();
  send(call("/a"));
  peer(0, "/a").send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  ASSERT_TRUE(answered(1));
  send(call("/b"));
  test::RawPeer& second = peer(1, "/b");
  second.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  second.finish();
  ASSERT_TRUE(answered(2));
  ASSERT_TRUE(replies[1]);
  EXPECT_EQ(replies[1]->body, "until the end");
}

TEST_F(ClientTest, a_kept_connection_found_dead_costs_nothing) {
  make_client();
  send(call("/a"));
  peer(0, "/a").send(kOk);
  ASSERT_TRUE(answered(1));
  // The peer closes just when the next call is under way.
  send(call("/b"));
  peer(0, "/b").reset();
  peer(1, "/b").send(kOk);
  ASSERT_TRUE(answered(2));
  EXPECT_TRUE(replies[1]) << to_string(replies[1].error());
}

TEST_F(ClientTest, a_retried_call_is_retried_once) {
  make_client();
  send(call("/a"));
  peer(0, "/a").send(kOk);
  ASSERT_TRUE(answered(1));
  send(call("/b"));
  peer(0, "/b").reset();
  peer(1, "/b").reset();
  ASSERT_TRUE(answered(2));
  ASSERT_FALSE(replies[1]);
  EXPECT_EQ(replies[1].error().fault, Fault::reset);
  EXPECT_EQ(raw.peers.size(), 2u);
}

TEST_F(ClientTest, a_reply_cut_short_is_an_error_and_not_retried) {
  make_client();
  send(call("/a"));
  peer(0, "/a").send(kOk);
  ASSERT_TRUE(answered(1));
  send(call("/b"));
  test::RawPeer& server = peer(0, "/b");
  server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  server.finish();
  ASSERT_TRUE(answered(2));
  ASSERT_FALSE(replies[1]);
  EXPECT_EQ(replies[1].error().fault, Fault::closed);
  EXPECT_EQ(replies[1].error().retry, Retry::never);
  EXPECT_EQ(raw.peers.size(), 1u);
}

TEST_F(ClientTest, an_idle_connection_that_speaks_is_given_up) {
  make_client();
  send(call("/a"));
  test::RawPeer& first = peer(0, "/a");
  first.send(std::string(kOk) + "HTTP/1.1 200 OK\r\n\r\n");
  ASSERT_TRUE(answered(1));
  ASSERT_TRUE(bed.until([&] { return first.is_closed; }));
}

TEST_F(ClientTest, idle_connections_are_closed_in_time) {
  make_client({.idle_timeout = 30ms});
  send(call("/a"));
  peer(0, "/a").send(kOk);
  ASSERT_TRUE(answered(1));
  ASSERT_TRUE(bed.until([&] { return raw.peers[0]->is_closed; }));
}

TEST_F(ClientTest, malformed_replies_are_protocol_errors) {
  make_client();
  for (const char* text :
       {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"}) {
    const size_t before = replies.size();
    send(call("/x"));
    peer(before, "/x").send(text);
    ASSERT_TRUE(answered(before + 1)) << text;
    ASSERT_FALSE(replies.back()) << text;
    EXPECT_EQ(replies.back().error().fault, Fault::protocol) << text;
    EXPECT_EQ(replies.back().error().side, Side::backend) << text;
  }
}

TEST_F(ClientTest, a_body_above_the_limit_is_refused) {
  make_client();
  Call what = call("/x");
  what.body_bytes_max = 10;
  send(std::move(what));
  peer(0, "/x").send("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901");
  ASSERT_TRUE(answered(1));
  ASSERT_FALSE(replies[0]);
  EXPECT_EQ(replies[0].error().fault, Fault::limit);
}

TEST_F(ClientTest, a_reply_that_does_not_come_is_a_timeout) {
  make_client();
  Call what = call("/x");
  what.timeout = 50ms;
  send(std::move(what));
  ASSERT_TRUE(answered(1));
  ASSERT_FALSE(replies[0]);
  EXPECT_EQ(replies[0].error().fault, Fault::timeout);
  ASSERT_TRUE(bed.until([&] { return raw.peers.at(0)->is_closed; }));
}

TEST_F(ClientTest, calls_above_the_connections_wait_in_order) {
  make_client({.connections_per_host_max = 1});
  for (const char* path : {"/1", "/2", "/3"}) send(call(path));
  peer(0, "/1").send(kOk);
  peer(0, "/2").send(kOk);
  peer(0, "/3").send(kOk);
  ASSERT_TRUE(answered(3));
  EXPECT_EQ(raw.peers.size(), 1u);
}

TEST_F(ClientTest, a_waiting_call_can_time_out) {
  make_client({.connections_per_host_max = 1});
  send(call("/1"));
  Call second = call("/2");
  second.timeout = 50ms;
  send(std::move(second));
  ASSERT_TRUE(answered(1));
  EXPECT_EQ(replies[0].error().fault, Fault::timeout);
  EXPECT_EQ(replies[0].error().retry, Retry::always);
  peer(0, "/1").send(kOk);
  ASSERT_TRUE(answered(2));
  EXPECT_TRUE(replies[1]);
}

TEST_F(ClientTest, too_many_waiting_calls_are_refused) {
  make_client({.connections_per_host_max = 1, .waiting_calls_max = 1});
  for (const char* path : {"/1", "/2", "/3"}) send(call(path));
  EXPECT_TRUE(replies.empty());
  ASSERT_TRUE(answered(1));
  EXPECT_EQ(replies[0].error().fault, Fault::limit);
}

TEST_F(ClientTest, a_refused_connection_may_be_tried_again) {
  make_client();
  net::Address nobody;
  {
    test::RawServer gone(bed.loop());
    nobody = gone.address();
  }
  send({.url = "http://" + nobody.to_string() + "/"});
  ASSERT_TRUE(answered(1));
  ASSERT_FALSE(replies[0]);
  EXPECT_EQ(replies[0].error().fault, Fault::refused);
  EXPECT_EQ(replies[0].error().retry, Retry::always);
  EXPECT_NE(replies[0].error().detail.find(nobody.to_string()), std::string::npos);
}

TEST_F(ClientTest, what_cannot_be_sent_is_refused_later_and_without_a_connection) {
  make_client();
  send({.url = "https://127.0.0.1/"});
  send({.url = "nonsense"});
  send({.url = raw.url(), .headers = {{"X", "a\r\nY: b"}}, .body = {}});
  EXPECT_TRUE(replies.empty());
  ASSERT_TRUE(answered(3));
  EXPECT_EQ(replies[0].error().fault, Fault::unsupported);
  EXPECT_EQ(replies[1].error().fault, Fault::invalid);
  EXPECT_EQ(replies[2].error().fault, Fault::invalid);
  bed.turn();
  EXPECT_TRUE(raw.peers.empty());
}

TEST_F(ClientTest, names_are_resolved) {
  make_client();
  send({.url = "http://localhost:" + std::to_string(raw.address().port()) + "/x",
        .headers = {},
        .body = {}});
  peer(0, "Host: localhost:").send(kOk);
  ASSERT_TRUE(answered(1));
  EXPECT_TRUE(replies[0]);
}

TEST_F(ClientTest, may_be_ended_with_calls_under_way_and_inside_a_callback) {
  make_client({.connections_per_host_max = 1});
  send(call("/1"));
  send(call("/2"));
  peer(0, "/1");
  client.reset();
  bed.turn(5);
  EXPECT_TRUE(replies.empty());

  make_client();
  bool is_called = false;
  client->send(call("/3"), [&](Result<Reply>) {
    is_called = true;
    client.reset();
  });
  send(call("/4"));
  peer(1, "/3").send(kOk);
  ASSERT_TRUE(bed.until([&] { return is_called; }));
  bed.turn(5);
  EXPECT_TRUE(replies.empty());
}

// --- event streams

class SubscribeTest : public ClientTest {
 protected:
  void subscribe(Duration timeout = test::kPatience) {
    make_client();
    Call what = call("/events");
    what.method = "GET";
    what.timeout = timeout;
    stream = client->subscribe(
        std::move(what),
        {.on_open = [this] { ++opened; },
         .on_event =
             [this](std::string_view id, std::string_view event, std::string_view data) {
               events.push_back(std::string(id) + "|" + std::string(event) + "|" +
                                std::string(data));
               if (data == "drop me") stream.reset();
             },
         .on_close = [this](Error error) { closed.push_back(std::move(error)); }});
  }

  std::unique_ptr<Client::EventStream> stream;
  int opened = 0;
  std::vector<std::string> events;
  std::vector<Error> closed;
};

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: "
    "chunked\r\n\r\n";

TEST_F(SubscribeTest, delivers_events_until_the_server_ends_it) {
  subscribe(500ms);
  test::RawPeer& server = peer(0, "GET /events HTTP/1.1\r\n");
  server.send(kStreamHead);
  ASSERT_TRUE(bed.until([&] { return opened == 1; }));
  server.send("e\r\nid: 0\nevent: a\r\n");
  server.send("a\r\n\ndata: x\n\n\r\n");
  ASSERT_TRUE(bed.until([&] { return events.size() == 1; }));
  EXPECT_EQ(events[0], "0|a|x");
  // Silence for longer than the call's time is not a fault.
  const Instant start = std::chrono::steady_clock::now();
  ASSERT_TRUE(bed.until([&] { return std::chrono::steady_clock::now() - start > 700ms; }));
  EXPECT_TRUE(closed.empty());
  server.send("0\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return !closed.empty(); }));
  EXPECT_EQ(closed[0].fault, Fault::closed);
  server.send("more");
  bed.turn(5);
  EXPECT_EQ(closed.size(), 1u);
}

TEST_F(SubscribeTest, may_be_dropped_inside_its_callback) {
  subscribe();
  test::RawPeer& server = peer(0, "/events");
  server.send(std::string(kStreamHead) + "1d\r\ndata: drop me\n\ndata: more\n\n\n\r\n");
  ASSERT_TRUE(bed.until([&] { return server.is_closed; }));
  EXPECT_EQ(events.size(), 1u);
  EXPECT_TRUE(closed.empty());
}

TEST_F(SubscribeTest, what_is_no_stream_is_closed_with_the_reason) {
  subscribe();
  peer(0, "/events").send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy");
  ASSERT_TRUE(bed.until([&] { return !closed.empty(); }));
  EXPECT_EQ(closed[0].fault, Fault::unavailable);
  EXPECT_NE(closed[0].detail.find("503: busy"), std::string::npos);

  subscribe();
  peer(1, "/events")
      .send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy");
  ASSERT_TRUE(bed.until([&] { return closed.size() == 2; }));
  EXPECT_EQ(closed[1].fault, Fault::protocol);

  subscribe();
  peer(2, "/events").send(std::string(kStreamHead) + "zz\r\n");
  ASSERT_TRUE(bed.until([&] { return closed.size() == 3; }));
  EXPECT_EQ(closed[2].fault, Fault::protocol);

  subscribe();
  peer(3, "/events").reset();
  ASSERT_TRUE(bed.until([&] { return closed.size() == 4; }));

  subscribe(50ms);
  ASSERT_TRUE(bed.until([&] { return closed.size() == 5; }));
  EXPECT_EQ(closed[4].fault, Fault::timeout);
}

TEST_F(SubscribeTest, outlives_its_client) {
  subscribe();
  client.reset();
  peer(0, "/events").send(std::string(kStreamHead) + "9\r\ndata: x\n\n\r\n");
  ASSERT_TRUE(bed.until([&] { return events.size() == 1; }));
}

TEST(ClientAndServer, understand_each_other) {
  test::TestBed bed;
  Server server(bed.loop(), bed.logger());
  server.route("POST", "/sum", [](const Request& request, Responder responder) {
    responder.reply(200, "text/plain", std::to_string(request.body.size()), {{"X-Sum", "yes"}});
  });
  std::unique_ptr<Responder::EventStream> out;
  server.route("GET", "/events",
               [&](const Request&, Responder responder) { out = responder.stream(); });
  auto address = server.listen(net::Address::loopback(0));
  ASSERT_TRUE(address);
  const std::string base = "http://" + address->to_string();
  Client client(bed.loop());
  size_t replies = 0;
  for (size_t i = 0; i < 300; ++i) {
    client.send({.url = base + "/sum", .headers = {}, .body = std::string(i * 1000, 'x')},
                [&, i](Result<Reply> reply) {
                  ASSERT_TRUE(reply) << to_string(reply.error());
                  EXPECT_EQ(reply->body, std::to_string(i * 1000));
                  ++replies;
                });
  }
  ASSERT_TRUE(bed.until([&] { return replies == 300; }));
  EXPECT_LE(server.connections(), 64u);

  std::vector<std::string> events;
  bool is_closed = false;
  auto in = client.subscribe({.method = "GET", .url = base + "/events"},
                             {.on_open = [&] { ASSERT_TRUE(out->send("1", "a", "two\nlines")); },
                              .on_event = [&](std::string_view, std::string_view,
                                              std::string_view data) { events.emplace_back(data); },
                              .on_close = [&](const Error&) { is_closed = true; }});
  ASSERT_TRUE(bed.until([&] { return events.size() == 1; }));
  EXPECT_EQ(events[0], "two\nlines");
  out.reset();
  ASSERT_TRUE(bed.until([&] { return is_closed; }));
}

}  // namespace
}  // namespace causeway::rpc
