// Every way an endpoint can fail, and what the router makes of it: the table of failures, attempts,
// marks and their expiry, silent replays.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "test/system/router/routed.h"

namespace causeway::test {
namespace {

// A port whose accept queue is full: connecting to it comes to no end.
class FullPort {
 public:
  FullPort() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(descriptor_, 0), 0);
    EXPECT_EQ(::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    for (int i = 0; i < 4; ++i) {
      clients_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      (void)::connect(clients_.back(), reinterpret_cast<sockaddr*>(&address), size);
    }
  }
  ~FullPort() {
    for (const int client : clients_) ::close(client);
    ::close(descriptor_);
  }
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;
  uint16_t port() const { return port_; }

 private:
  int descriptor_;
  uint16_t port_ = 0;
  std::vector<int> clients_;
};

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n";
constexpr const char* kDelete = "DELETE / HTTP/1.1\r\nHost: HOST\r\n\r\n";
constexpr const char* kPost = "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\n\r\nbody";
constexpr const char* kKeyedPost =
    "POST / HTTP/1.1\r\nHost: HOST\r\nIdempotency-Key: 1\r\nContent-Length: 4\r\n\r\nbody";
constexpr const char* kKeyedEmptyPost =
    "POST / HTTP/1.1\r\nHost: HOST\r\nX-Idempotency-Key: 1\r\nContent-Length: 0\r\n\r\n";
constexpr const char* kUpgrade =
    "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

enum class Retried : uint8_t { no, yes };
enum class Marked : uint8_t { no, yes };

// One row: both endpoints of a route do `harm` to each request. A failure that is retried reaches
// both.
struct Row {
  const char* name;
  std::function<void(RawSocket&)> harm;
  const char* request;
  Retried retried;
  Marked marked;
  const char* text;  // inside endpoint_failure (...)
};

void resets(RawSocket& peer) {
  peer.receive_until("\r\n\r\n");
  peer.reset();
}
void closes(RawSocket& peer) { (void)read_request(peer); }
void is_silent(RawSocket& peer) { (void)peer.receive_all(); }
std::function<void(RawSocket&)> answers_with(std::string reply) {
  return [reply = std::move(reply)](RawSocket& peer) {
    (void)read_request(peer);
    peer.send(reply);
  };
}

std::vector<Row> rows() {
  return {
      {"reset_get", resets, kGet, Retried::yes, Marked::yes, "read: connection reset by peer"},
      {"reset_post", resets, kPost, Retried::no, Marked::yes, "read: connection reset by peer"},
      {"reset_delete", resets, kDelete, Retried::no, Marked::yes, "read: connection reset by peer"},
      {"eof_get", closes, kGet, Retried::yes, Marked::no, "EOF"},
      {"eof_keyed_empty_post", closes, kKeyedEmptyPost, Retried::yes, Marked::no, "EOF"},
      {"eof_keyed_post", closes, kKeyedPost, Retried::no, Marked::no, "EOF"},
      {"eof_post", closes, kPost, Retried::no, Marked::no, "EOF"},
      {"eof_delete", closes, kDelete, Retried::no, Marked::no, "EOF"},
      {"eof_within_head", answers_with("HTTP/1.1 200 O"), kGet, Retried::no, Marked::no, "EOF"},
      {"malformed", answers_with("SSH-2.0-OpenSSH\r\n\r\n"), kGet, Retried::no, Marked::no,
       "malformed HTTP response"},
      {"two_lengths",
       answers_with("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), kGet,
       Retried::no, Marked::no, "malformed HTTP response"},
      {"too_many_lines",
       answers_with("HTTP/1.1 200 OK\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nContent-Length: 0\r\n\r\n"),
       kGet, Retried::no, Marked::no, "Too many response headers"},
      {"other_protocol",
       answers_with("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                    "tcp\r\n\r\n"),
       kUpgrade, Retried::no, Marked::no, "backend tried to switch protocol"},
      {"upgrade_unasked",
       answers_with("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
                    "tcp\r\n\r\n"),
       kGet, Retried::no, Marked::no, "backend tried to switch protocol"},
  };
}

std::string with_host(std::string request, const std::string& host) {
  return request.replace(request.find("HOST"), 4, host);
}

void expect_bad_gateway(const RawMessage& reply, const std::string& text) {
  EXPECT_EQ(reply.status(), 502);
  EXPECT_EQ(reply.header("X-Cf-Routererror"), "endpoint_failure (" + text + ")");
  EXPECT_EQ(reply.body, "502 Bad Gateway: Registered endpoint failed to handle the request.\n");
}

// What the log says of one request, after its reply.
void expect_log(const Routed& routed, const RawMessage& reply, size_t attempts, size_t marks) {
  const std::string id = reply.header("X-Vcap-Request-Id");
  ASSERT_FALSE(id.empty());
  EXPECT_TRUE(eventually([&] {
    return routed.count_in_log("\"backend-endpoint-failed\"", id) == attempts &&
           routed.count_in_log("\"endpoint-marked-as-ineligible\"", id) == marks;
  })) << routed.count_in_log("\"backend-endpoint-failed\"", id)
      << " attempts, " << routed.count_in_log("\"endpoint-marked-as-ineligible\"", id) << " marks";
}

void expect_row(Routed& routed, const Row& row) {
  SCOPED_TRACE(row.name);
  const std::string host = std::string(row.name) + ".d";
  const auto serve = [&row](RawSocket& peer, size_t) { row.harm(peer); };
  FakeBackend first(serve);
  FakeBackend second(serve);
  routed.add(host, first.port());
  routed.add(host, second.port());
  const RawMessage reply = routed.send(with_host(row.request, host));
  expect_bad_gateway(reply, row.text);
  const size_t attempts = row.retried == Retried::yes ? 2 : 1;
  EXPECT_EQ(first.connections() + second.connections(), attempts);
  expect_log(routed, reply, attempts, row.marked == Marked::yes ? attempts : 0);
}

TEST(FailureTableTest, each_failure_after_connecting_has_its_row) {
  Routed routed("backends: {max_attempts: 3}\nmax_response_headers: 3");
  for (const Row& row : rows()) expect_row(routed, row);
  EXPECT_EQ(routed.router().metric("aborted_exchanges"), 0);
  EXPECT_TRUE(routed.is_quiet());
}

TEST(FailureTableTest, an_endpoint_that_says_nothing_is_not_tried_again) {
  Routed routed("backends: {max_attempts: 3}\nendpoint_timeout: 500ms");
  expect_row(routed,
             {"silent", is_silent, kGet, Retried::no, Marked::no, "context deadline exceeded"});
  EXPECT_TRUE(routed.is_quiet());
}

// Both endpoints of the route cannot be reached. Nothing was sent: the body does not matter.
void expect_unreachable(Routed& routed, const std::string& host, const uint16_t (&ports)[2],
                        const std::string& text) {
  for (const uint16_t port : ports) routed.add(host, port);
  for (const char* request : {kGet, kPost}) {
    const RawMessage reply = routed.send(with_host(request, host));
    expect_bad_gateway(reply, text);
    expect_log(routed, reply, 2, 2);
  }
}

TEST(FailureTableTest, connecting_that_comes_to_no_end_is_retried_and_marks) {
  Routed routed("backends: {max_attempts: 3}\nendpoint_dial_timeout: 300ms");
  const FullPort full[2];
  expect_unreachable(routed, "full.d", {full[0].port(), full[1].port()}, "dial tcp: i/o timeout");
  EXPECT_TRUE(routed.is_quiet());
}

TEST(FailureTableTest, a_refused_connection_and_an_unknown_name_are_retried_and_mark) {
  Routed routed("backends: {max_attempts: 3}");
  const ClosedPort closed[2];
  expect_unreachable(routed, "refused.d", {closed[0].port(), closed[1].port()},
                     "dial tcp: connect: connection refused");
  // A name that is none.
  routed.registrar().publish("router.register",
                             R"({"host":"no..such..host","port":1,"uris":["nameless.d"]})");
  routed.registrar().flush();
  ASSERT_TRUE(eventually([&] { return routed.get("nameless.d").status() == 502; }));
  const RawMessage reply = routed.get("nameless.d");
  expect_bad_gateway(reply, "dial tcp: lookup: no such host");
  expect_log(routed, reply, 1, 1);
  EXPECT_EQ(routed.router().metric("bad_gateways", 4), 4);
  EXPECT_TRUE(routed.is_quiet());
}

TEST(FailureTableTest, attempts_end_with_max_attempts) {
  Routed routed("backends: {max_attempts: 2}");
  const ClosedPort closed[4];
  for (const ClosedPort& port : closed) routed.add("app.d", port.port());
  expect_log(routed, routed.get("app.d"), 2, 2);
  EXPECT_EQ(routed.router().metric("total_requests{component=\"\"}", 2), 2);
  EXPECT_EQ(routed.router().metric("backend_retries", 1), 1);
  EXPECT_EQ(routed.router().metric("responses{status_group=\"5xx\"}", 1), 1);
}

TEST(FailureTableTest, without_a_word_there_is_one_attempt) {
  Routed routed;
  const ClosedPort closed[2];
  for (const ClosedPort& port : closed) routed.add("app.d", port.port());
  expect_log(routed, routed.get("app.d"), 1, 1);
}

TEST(FailureTableTest, the_log_line_says_what_is_known_of_the_attempt) {
  Routed routed("backends: {max_attempts: 2}");
  const ClosedPort closed;
  FakeBackend backend([](RawSocket& peer, size_t) { closes(peer); });
  routed.add("refused.d", closed.port(), R"(,"app":"guid","tags":{"component":"web"})");
  routed.add("eof.d", backend.port(), R"(,"app":"guid","availability_zone":"z1")");
  const std::string refused = routed.log_line("backend-endpoint-failed",
                                              routed.get("refused.d").header("X-Vcap-Request-Id"));
  for (const std::string& expected :
       {std::string(R"("error":"dial tcp: connect: connection refused")"),
        std::string(R"("retriable":true)"), std::string(R"("attempt":1)"),
        std::string(R"("vcap_request_id":")"), std::string(R"("num-endpoints":1)"),
        std::string(R"("got-connection":false)"), std::string(R"("wrote-headers":false)"),
        std::string(R"("conn-reused":false)"), std::string(R"("dns-lookup-time":0)"),
        std::string(R"("dial-time":)"), std::string(R"("tls-handshake-time":0)"),
        std::string(R"("local-address":"")"),
        R"("route-endpoint":{"ApplicationId":"guid","Addr":"127.0.0.1:)" +
            std::to_string(closed.port()) +
            R"(","Tags":{"component":"web"},"RouteServiceUrl":"","AZ":""})"}) {
    EXPECT_NE(refused.find(expected), std::string::npos) << expected << "\n" << refused;
  }
  const std::string eof =
      routed.log_line("backend-endpoint-failed", routed.get("eof.d").header("X-Vcap-Request-Id"));
  for (const char* expected :
       {R"("error":"EOF")", R"("got-connection":true)", R"("wrote-headers":true)",
        R"("local-address":"127.0.0.1:)", R"("AZ":"z1")"}) {
    EXPECT_NE(eof.find(expected), std::string::npos) << expected << "\n" << eof;
  }
}

TEST(FailureTableTest, a_mark_passes_and_the_endpoint_is_tried_again) {
  // For a quarter of the threshold.
  Routed routed("workers: 1\nbackends: {max_attempts: 2}\ndroplet_stale_threshold: 8s");
  std::atomic<int> asked{0};
  FakeBackend recovering([&asked](RawSocket& peer, size_t index) {
    if (index == 0) return resets(peer);
    while (read_request(peer).is_whole && peer.send(ok_reply("recovered"))) ++asked;
  });
  FakeBackend good(says("good"));
  routed.add("app.d", recovering.port());
  routed.add("app.d", good.port());
  std::chrono::steady_clock::time_point before_mark;
  ASSERT_TRUE(eventually([&] {
    before_mark = std::chrono::steady_clock::now();
    EXPECT_EQ(routed.get("app.d").body, "good");
    return recovering.connections() == 1;
  }));
  EXPECT_TRUE(eventually([&] { return routed.get("app.d").body == "recovered"; }));
  EXPECT_GE(std::chrono::steady_clock::now() - before_mark, std::chrono::milliseconds(1999));
}

TEST(FailureTableTest, a_reply_that_breaks_is_cut) {
  Routed routed("endpoint_timeout: 3s\nbackends: {max_attempts: 3}");
  const std::vector<std::function<void(RawSocket&)>> harms = {
      answers_with("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"),
      answers_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"),
      answers_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n"),
      [](RawSocket& peer) {
        (void)read_request(peer);
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        is_silent(peer);  // until the router's timeout
      }};
  for (size_t i = 0; i < harms.size(); ++i) {
    SCOPED_TRACE(i);
    const std::string host = "cut" + std::to_string(i) + ".d";
    FakeBackend backend([&](RawSocket& peer, size_t) { harms[i](peer); });
    routed.add(host, backend.port());
    const RawMessage reply = routed.get(host);
    EXPECT_EQ(reply.status(), 200);
    EXPECT_EQ(reply.body, "part");
    EXPECT_FALSE(reply.is_whole);
    EXPECT_EQ(backend.connections(), 1u);
  }
  EXPECT_EQ(routed.router().metric("aborted_exchanges", 4), 4);
  EXPECT_TRUE(routed.is_quiet());
}

TEST(FailureTableTest, a_client_that_goes_is_499_and_harms_no_endpoint) {
  Routed routed("backends: {max_attempts: 3}");
  FakeBackend backend([](RawSocket& peer, size_t) { is_silent(peer); });
  routed.add("app.d", backend.port());
  RawSocket client = routed.connect();
  client.send("GET /gone HTTP/1.1\r\nHost: app.d\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return backend.connections() == 1; }));
  client.reset();
  const std::string line = routed.access_line("GET /gone");
  EXPECT_NE(line.find("HTTP/1.1\" 499 "), std::string::npos) << line;
  EXPECT_NE(line.find("x_cf_routererror:\"endpoint_failure (context canceled)\""),
            std::string::npos)
      << line;
  EXPECT_EQ(routed.count_in_log("backend-endpoint-failed", ""), 0u);
  EXPECT_EQ(routed.count_in_log("endpoint-marked-as-ineligible", ""), 0u);
  EXPECT_EQ(backend.connections(), 1u);
  EXPECT_TRUE(routed.is_quiet());
}

TEST(FailureTableTest, a_kept_connection_that_died_costs_no_attempt) {
  Routed routed("backends: {max_attempts: 1}\nworkers: 1");
  std::atomic<int> seen{0};
  FakeBackend backend([&seen](RawSocket& peer, size_t) {
    // Each connection serves one request and dies with the second.
    if (!read_request(peer).is_whole) return;
    ++seen;
    peer.send(ok_reply("again"));
    (void)peer.receive_until("\r\n\r\n");
  });
  routed.add("app.d", backend.port());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(routed.get("app.d").body, "again");
  EXPECT_EQ(routed.router().metric("backend_replays", 2), 2);
  EXPECT_EQ(routed.router().metric("backend_retries"), 0);
  EXPECT_EQ(routed.count_in_log("backend-endpoint-failed", ""), 0u);
  EXPECT_EQ(seen, 3);
}

TEST(FailureTableTest, what_cannot_be_sent_twice_takes_no_connection_that_has_ended) {
  Routed routed("backends: {max_attempts: 1}\nworkers: 1");
  FakeBackend backend([](RawSocket& peer, size_t) {
    if (read_request(peer).is_whole) peer.send(ok_reply("once"));
  });
  routed.add("app.d", backend.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(routed.send("POST / HTTP/1.1\r\nHost: app.d\r\nContent-Length: 4\r\n\r\nbody").body,
              "once");
    // Its end has come; before that, nobody could know.
    EXPECT_TRUE(eventually([&] { return routed.router().metric("backend_connections") == 0; }));
  }
  EXPECT_EQ(routed.count_in_log("backend-endpoint-failed", ""), 0u);
}

}  // namespace
}  // namespace causeway::test
