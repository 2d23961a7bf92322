#include "rpc/server.h"

#include <optional>

#include <gtest/gtest.h>

#include "base/sanitizers.h"
#include "metrics/registry.h"
#include "rpc/debug.h"
#include "rpc/test_bed.h"

namespace causeway::rpc {
namespace {

using namespace std::chrono_literals;

// A server with a few routes, and raw clients.
class ServerTest : public testing::Test {
 protected:
  void start(Server::Options options = {}) {
    server = std::make_unique<Server>(bed.loop(), bed.logger(), options);
    server->route("*", "/echo", [](const Request& request, Responder responder) {
      responder.reply(200, "text/plain", request.method + " " + request.path + " " + request.body);
    });
    server->route("GET", "/held",
                  [this](const Request&, Responder responder) { held = std::move(responder); });
    server->route("GET", "/dropped", [](const Request&, Responder) {});
    server->route("GET", "/big", [this](const Request&, Responder responder) {
      responder.reply(200, "application/octet-stream", std::string(big_bytes, 'x'));
    });
    server->route("GET", "/thing/:name", [](const Request& request, Responder responder) {
      responder.reply(200, "text/plain",
                      request.path_params.at("name") + "|" + request.query_param("q"));
    });
    server->route("GET", "/empty",
                  [](const Request&, Responder responder) { responder.reply(204); });
    server->route("POST", "/split", [](const Request& request, Responder responder) {
      responder.reply(200, "text/plain", "",
                      {{"X-Echo", std::string(request.header("X-Text")) + "\r\nX-Evil: 1"}});
    });
    server->route("GET", "/made", [this](const Request&, Responder responder) {
      body = responder.send("text/plain");
    });
    server->observe([this](const Request& request, int status, Duration) {
      observed.push_back(request.method + " " + request.path + " " + std::to_string(status));
    });
    auto listened = server->listen(net::Address::loopback(0));
    ASSERT_TRUE(listened) << to_string(listened.error());
    address = *listened;
  }

  std::unique_ptr<test::RawPeer> connect() {
    auto peer = std::make_unique<test::RawPeer>(bed.loop(), address);
    EXPECT_TRUE(bed.until([&] { return peer->is_connected(); }));
    return peer;
  }

  // What the server answers to these bytes until it closes.
  std::string exchange(std::string_view bytes) {
    auto peer = connect();
    peer->send(bytes);
    EXPECT_TRUE(bed.until([&] { return peer->is_closed; })) << bytes.substr(0, 100);
    return peer->received;
  }

  // The same in two writes, so that the server's answer may come before the second.
  std::string reply_to(std::string_view bytes, std::string_view until_text) {
    auto peer = connect();
    peer->send(bytes);
    EXPECT_TRUE(bed.until([&] { return peer->received.find(until_text) != std::string::npos; }))
        << peer->received;
    return peer->received;
  }

  std::vector<std::string> observed;  // outlives what reports to it
  test::TestBed bed;
  std::unique_ptr<Server> server;
  std::optional<Responder> held;
  std::unique_ptr<Responder::BodyStream> body;
  net::Address address;
  size_t big_bytes = 4u << 20;
};

TEST_F(ServerTest, answers_one_request_after_the_other_on_one_connection) {
  start();
  auto peer = connect();
  peer->send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with("GET /echo "); }));
  EXPECT_EQ(peer->received,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nGET /echo ");
  peer->received.clear();
  peer->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  bed.turn();
  EXPECT_EQ(peer->received, "");
  peer->send("llo");
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with("POST /echo hello"); }));
  EXPECT_EQ(server->connections(), 1u);
  EXPECT_EQ(observed, (std::vector<std::string>{"GET /echo 200", "POST /echo 200"}));
}

TEST_F(ServerTest, answers_pipelined_requests_in_order) {
  start();
  auto peer = connect();
  peer->send(
      "GET /held HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n1"
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n2");
  ASSERT_TRUE(bed.until([&] { return held.has_value(); }));
  bed.turn(5);
  EXPECT_EQ(peer->received, "");
  held->reply(200, "text/plain", "0");
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with("echo 2"); }));
  EXPECT_LT(peer->received.find("\r\n\r\n0"), peer->received.find("echo 1"));
  EXPECT_LT(peer->received.find("echo 1"), peer->received.find("echo 2"));
}

TEST_F(ServerTest, chunked_bodies_arrive_whole) {
  start();
  const std::string reply = reply_to(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
      "abcde");
  EXPECT_TRUE(reply.ends_with("\r\n\r\nPOST /echo abcde"));
}

TEST_F(ServerTest, an_idle_connection_does_not_keep_a_large_body) {
  start();
  server->route("PUT", "/taken", [](const Request& request, Responder responder) {
    responder.reply(200, "text/plain", std::to_string(request.body.size()));
  });
  auto peer = connect();
  const size_t before = test::heap_bytes();
  constexpr size_t size = 32u << 20;
  peer->send("PUT /taken HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) +
             "\r\n\r\n" + std::string(size, 'x'));
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with(std::to_string(size)); }));
  EXPECT_FALSE(peer->is_closed);
  if constexpr (!is_sanitized) {
    EXPECT_LT(test::heap_bytes(), before + size / 2);
  }
}

TEST_F(ServerTest, says_continue_to_who_waits_for_it) {
  start();
  auto peer = connect();
  peer->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return peer->received == "HTTP/1.1 100 Continue\r\n\r\n"; }));
  peer->send("ok");
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with("POST /echo ok"); }));
}

TEST_F(ServerTest, decodes_paths_and_queries) {
  start();
  EXPECT_TRUE(reply_to("GET /thing/a%2Fb?p=1&q=x+%26y HTTP/1.1\r\nHost: a\r\n\r\n", "|x")
                  .ends_with("\r\n\r\na/b|x &y"));
  EXPECT_TRUE(
      reply_to("GET http://a/thing/z?q HTTP/1.1\r\nHost: a\r\n\r\n", "|").ends_with("\r\n\r\nz|"));
}

TEST_F(ServerTest, head_has_no_body_and_204_no_length) {
  start();
  auto peer = connect();
  peer->send("HEAD /thing/a HTTP/1.1\r\nHost: a\r\n\r\nGET /empty HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with("204 No Content\r\n\r\n"); }));
  EXPECT_EQ(peer->received,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nHTTP/1.1 204 "
            "No Content\r\n\r\n");
}

TEST_F(ServerTest, unknown_paths_and_methods) {
  start();
  EXPECT_TRUE(
      reply_to("GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "not found").starts_with("HTTP/1.1 404 "));
  const std::string reply = reply_to("PUT /held HTTP/1.1\r\nHost: a\r\n\r\n", "allowed");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 405 "));
  EXPECT_NE(reply.find("Allow: GET\r\n"), std::string::npos);
}

TEST_F(ServerTest, a_dropped_responder_is_a_500) {
  start();
  EXPECT_TRUE(reply_to("GET /dropped HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n")
                  .starts_with("HTTP/1.1 500 "));
}

TEST_F(ServerTest, a_header_value_cannot_become_a_line) {
  start();
  const std::string reply = reply_to(
      "POST /split HTTP/1.1\r\nHost: a\r\nX-Text: t\r\nContent-Length: 0\r\n\r\n", "\r\n\r\n");
  EXPECT_EQ(reply.find("Evil"), std::string::npos);
}

TEST_F(ServerTest, honours_the_clients_wish_to_close) {
  start();
  const std::string reply = exchange("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(reply.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(exchange("GET /echo HTTP/1.0\r\n\r\n").ends_with("GET /echo "));
  EXPECT_NE(reply_to("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /echo")
                .find("Connection: keep-alive"),
            std::string::npos);
}

TEST_F(ServerTest, answers_a_client_that_has_half_closed) {
  start();
  auto peer = connect();
  peer->send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  peer->finish();
  ASSERT_TRUE(bed.until([&] { return held.has_value(); }));
  bed.turn(5);
  held->reply(200, "text/plain", "late");
  ASSERT_TRUE(bed.until([&] { return peer->is_closed; }));
  EXPECT_TRUE(peer->received.ends_with("late"));
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(ServerTest, malformed_requests_get_their_status_and_a_close) {
  start({.body_bytes_max = 100, .head_bytes_max = 1000});
  const struct {
    std::string bytes;
    const char* status;
  } rows[] = {
      {"NONSENSE\r\n\r\n", "400"},
      {"GET /echo HTTP/9.9\r\nHost: a\r\n\r\n", "505"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nX: a" + std::string(1, '\0') + "b\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", "431"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n", "413"},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
           std::string(101, 'x') + "\r\n0\r\n\r\n",
       "413"},
  };
  for (const auto& row : rows) {
    const std::string reply = exchange(row.bytes);
    EXPECT_TRUE(reply.starts_with(std::string("HTTP/1.1 ") + row.status))
        << row.bytes.substr(0, 60) << "\n"
        << reply;
    EXPECT_NE(reply.find("Connection: close\r\n"), std::string::npos) << row.bytes.substr(0, 60);
  }
  EXPECT_TRUE(
      reply_to("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", "GET /echo").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, who_sends_too_much_can_still_read_why) {
  start({.body_bytes_max = 1000});
  auto peer = connect();
  peer->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
  for (int i = 0; i < 40; ++i) {
    peer->send(std::string(50'000, 'x'));
    bed.turn(1);
  }
  ASSERT_TRUE(bed.until([&] { return peer->is_closed; }));
  EXPECT_TRUE(peer->received.starts_with("HTTP/1.1 413 "));
}

TEST_F(ServerTest, a_request_that_takes_too_long_is_a_408) {
  start({.request_timeout = 50ms});
  const std::string reply =
      exchange("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 408 ")) << reply;
}

TEST_F(ServerTest, idle_connections_are_closed_without_a_word) {
  start({.idle_timeout = 50ms});
  EXPECT_EQ(exchange(""), "");
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(ServerTest, a_large_reply_reaches_a_slow_client_whole) {
  big_bytes = 16u << 20;  // more than the kernel keeps for a client that does not read
  start();
  auto peer = connect();
  peer->stop_reading();
  peer->send("GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return !observed.empty(); }));
  bed.turn(10);
  EXPECT_EQ(observed.size(), 1u);  // the second waits until the first is taken
  peer->go_on_reading();
  ASSERT_TRUE(bed.until([&] { return peer->received.ends_with("GET /echo "); }));
  EXPECT_GT(peer->received.size(), big_bytes);
}

TEST_F(ServerTest, who_never_takes_the_reply_is_cut_off) {
  start({.request_timeout = 500ms});
  big_bytes = 30u << 20;
  auto peer = connect();
  peer->stop_reading();
  peer->send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return !observed.empty() && server->connections() == 0; }));
}

TEST_F(ServerTest, connections_above_the_limit_are_closed) {
  start({.connections_max = 1});
  auto first = connect();
  first->send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return !first->received.empty(); }));
  auto second = connect();
  ASSERT_TRUE(bed.until([&] { return second->is_closed; }));
  EXPECT_EQ(server->refused_connections(), 1u);
  first->close();
  ASSERT_TRUE(bed.until([&] { return server->connections() == 0; }));
  auto third = connect();
  third->send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return !third->received.empty(); }));
}

TEST_F(ServerTest, answers_go_nowhere_when_the_client_has_gone) {
  start();
  auto peer = connect();
  peer->send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return held.has_value(); }));
  server.reset();
  EXPECT_TRUE(held->is_gone());
  held->reply(200, "text/plain", "x");
  held.reset();
  ASSERT_TRUE(bed.until([&] { return peer->is_closed; }));
  EXPECT_EQ(peer->received, "");
}

TEST_F(ServerTest, a_server_may_be_ended_by_its_own_route) {
  start();
  server->route("GET", "/end", [this](const Request&, Responder responder) {
    server.reset();
    responder.reply(200);
  });
  EXPECT_EQ(exchange("GET /end HTTP/1.1\r\nHost: a\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
            "");
}

TEST_F(ServerTest, drain_ends_idle_connections_and_lets_the_others_finish) {
  start();
  auto idle = connect();
  auto busy = connect();
  busy->send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return held.has_value(); }));
  server->drain();
  ASSERT_TRUE(bed.until([&] { return idle->is_closed; }));
  EXPECT_FALSE(busy->is_closed);
  held->reply(200, "text/plain", "done");
  ASSERT_TRUE(bed.until([&] { return busy->is_closed; }));
  EXPECT_TRUE(busy->received.ends_with("done"));
  EXPECT_NE(busy->received.find("Connection: close"), std::string::npos);
  test::RawPeer late(bed.loop(), address);
  ASSERT_TRUE(bed.until([&] { return late.is_closed; }));
}

TEST_F(ServerTest, a_body_is_sent_while_it_is_made) {
  start();
  auto peer = connect();
  peer->send("GET /made HTTP/1.1\r\nHost: x\r\n\r\nGET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return body != nullptr; }));
  EXPECT_TRUE(bed.until([&] { return peer->received.ends_with("\r\n\r\n"); }));
  EXPECT_NE(peer->received.find("Transfer-Encoding: chunked"), std::string::npos);
  body->write("one");
  EXPECT_TRUE(bed.until([&] { return peer->received.ends_with("3\r\none\r\n"); }));
  EXPECT_TRUE(observed.empty());
  body->finish();
  // The connection is used for the next request, which had come already.
  EXPECT_TRUE(bed.until([&] { return peer->received.ends_with("GET /echo "); })) << peer->received;
  EXPECT_NE(peer->received.find("0\r\n\r\nHTTP/1.1 200"), std::string::npos) << peer->received;
  ASSERT_EQ(observed.size(), 2u);
  EXPECT_EQ(observed[0], "GET /made 200");
}

TEST_F(ServerTest, a_body_that_is_given_up_is_cut_short) {
  start();
  auto peer = connect();
  peer->send("GET /made HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return body != nullptr; }));
  body->write("one");
  EXPECT_TRUE(bed.until([&] { return peer->received.ends_with("one\r\n"); }));
  body.reset();
  EXPECT_TRUE(bed.until([&] { return peer->is_closed; }));
  EXPECT_EQ(peer->received.find("0\r\n\r\n"), std::string::npos);
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(ServerTest, a_body_waits_for_the_client_to_take_it) {
  start();
  auto peer = connect();
  peer->stop_reading();
  peer->send("GET /made HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return body != nullptr; }));
  size_t sent = 0;
  for (; !body->is_full(); sent += 10'000) body->write(std::string(10'000, 'x'));
  bool has_room = false;
  body->on_room([&] { has_room = true; });
  peer->go_on_reading();
  EXPECT_TRUE(bed.until([&] { return has_room; }));
  EXPECT_FALSE(body->is_full());
  body->finish();
  EXPECT_TRUE(bed.until([&] { return peer->received.ends_with("0\r\n\r\n"); }));
  EXPECT_GT(peer->received.size(), sent);
}

TEST_F(ServerTest, a_body_without_a_client_is_told_so) {
  start();
  auto peer = connect();
  peer->send("GET /made HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(bed.until([&] { return body != nullptr; }));
  body->write("plain");
  EXPECT_TRUE(bed.until([&] { return peer->received.ends_with("\r\n\r\nplain"); }));
  bool is_told = false;
  body->on_room([&] { is_told = true; });
  peer->reset();
  // Half-closed is not gone: only writing finds out.
  EXPECT_TRUE(bed.until([&] {
    body->write("more");
    return is_told;
  }));
  EXPECT_TRUE(body->is_gone());
  body->finish();
  EXPECT_EQ(observed, std::vector<std::string>{"GET /made 0"});
}

TEST_F(ServerTest, serves_metrics_and_health) {
  start();
  metrics::Registry registry;
  registry.counter("things_total", "Things.").add(3);
  serve_metrics(*server, registry);
  EXPECT_NE(
      reply_to("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "things_total 3").find("version=0.0.4"),
      std::string::npos);
  EXPECT_TRUE(
      reply_to("GET /health HTTP/1.1\r\nHost: a\r\n\r\n", "ok").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, the_debug_server_changes_what_is_logged) {
  start();
  log::Sink sink({.level = log::Level::info, .path = "/dev/null"});
  serve_debug(*server, sink);
  const auto put = [this](const std::string& level) {
    return exchange("PUT /log-level HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: " +
                    std::to_string(level.size()) + "\r\n\r\n" + level);
  };
  EXPECT_NE(put("debug").find("log level: debug"), std::string::npos);
  EXPECT_EQ(sink.level(), log::Level::debug);
  EXPECT_TRUE(put("2\n").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(sink.level(), log::Level::error);
  EXPECT_NE(put("loud").find("Invalid log level: loud"), std::string::npos);
  EXPECT_TRUE(put("").starts_with("HTTP/1.1 400"));
  EXPECT_EQ(sink.level(), log::Level::error);
  EXPECT_NE(reply_to("GET /debug/vars HTTP/1.1\r\nHost: a\r\n\r\n", "open_files")
                .find("application/json"),
            std::string::npos);
}

TEST(ProcessFacts, are_those_of_this_process) {
  const ProcessFacts facts = process_facts();
  EXPECT_GE(facts.open_files, 3);
  EXPECT_GT(facts.open_files_max, facts.open_files);
  EXPECT_GT(facts.resident_bytes, 1 << 20);
  EXPECT_GE(facts.threads, 1);
  metrics::Registry registry;
  register_process_metrics(registry);
  EXPECT_NE(registry.prometheus_text().find("OpenFileDescriptors"), std::string::npos);
}

TEST_F(ServerTest, a_taken_port_is_named) {
  start();
  Server other(bed.loop(), bed.logger());
  auto listened = other.listen(address);
  ASSERT_FALSE(listened);
  EXPECT_EQ(listened.error().fault, Fault::exists);
}

}  // namespace
}  // namespace causeway::rpc
