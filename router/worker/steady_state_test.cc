// A request on kept connections must not touch the global heap: client, router and backend run on
// this one thread, and operator new is counted.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "base/sanitizers.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "router/client/listener.h"
#include "router/observe/access_log.h"
#include "router/route/route_book.h"
#include "router/workbench/workbench.h"
#include "test/support/allocation_count.h"
#include "test/support/http2_peer.h"
#include "test/support/router_under_test.h"

using namespace causeway;
using namespace causeway::test;

namespace {

bool is_readable(int descriptor) {
  pollfd watched{descriptor, POLLIN, 0};
  return ::poll(&watched, 1, 0) > 0;
}

// The loop turns until `descriptor` has something to read, and takes it.
size_t turn_until_read(net::Loop& loop, int descriptor, char* buffer, size_t size) {
  while (!is_readable(descriptor)) loop.run_once(false);
  const ssize_t got = ::recv(descriptor, buffer, size, 0);
  return got > 0 ? static_cast<size_t>(got) : 0;
}

void say(int descriptor, std::string_view text) {
  ASSERT_EQ(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

// What client and backend say.
struct Talk {
  std::string greeting = {};                   // the client's, once before
  std::function<std::string(int)> request_of;  // the nth
  std::function<std::string(int)> reply_of;
  std::string reply_begins;  // as the client sees it
  router::Protocol backend = router::Protocol::http1;
};

// Two thousand times the same request and reply: the second thousand is counted.
void expect_no_allocations(const router::Settings& settings, const Talk& talk) {
  log::Sink sink({.path = "/dev/null"});
  log::Logger logger(sink, "test");
  metrics::Registry registry;
  SystemClock clock;
  router::RouteBook book({}, clock);
  auto log = router::AccessLog::open({.path = "/dev/null"});
  ASSERT_TRUE(log);
  net::Loop loop;
  router::Workbench bench(loop, std::make_shared<const router::Settings>(settings), logger,
                          registry, log->get(), 1);
  router::Listener listener(bench);
  const auto address = listener.listen(net::Address::loopback(0));
  ASSERT_TRUE(address);

  const int backend_listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t name_size = sizeof name;
  ASSERT_EQ(::bind(backend_listener, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  ASSERT_EQ(::listen(backend_listener, 8), 0);
  ASSERT_EQ(::getsockname(backend_listener, reinterpret_cast<sockaddr*>(&name), &name_size), 0);
  router::RouteChange change;
  change.uris = {"app.example"};
  change.endpoint.host = "127.0.0.1";
  change.endpoint.port = ntohs(name.sin_port);
  change.endpoint.app_id = "01234567-89ab-cdef-0123-456789abcdef";
  change.endpoint.instance_id = "instance";
  change.endpoint.tags["component"] = "app";
  change.endpoint.protocol = talk.backend;
  book.apply(change);
  bench.routes.replace(book.publish());

  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(client, address->socket_address(), address->length()), 0);
  char buffer[65536];
  if (!talk.greeting.empty()) {
    say(client, talk.greeting);
    ASSERT_GT(turn_until_read(loop, client, buffer, sizeof buffer), 0u);
  }
  std::string request = talk.request_of(0);
  say(client, request);
  while (!is_readable(backend_listener)) loop.run_once(false);
  const int backend = ::accept4(backend_listener, nullptr, nullptr, SOCK_CLOEXEC);

  size_t allocations = 0;
  for (int i = 0; i < 2000; ++i) {
    if (i == 1000) allocations = test::allocations_so_far();
    const size_t before = test::allocations_so_far();
    if (i > 0) request = talk.request_of(i);
    const std::string reply = talk.reply_of(i);
    allocations += test::allocations_so_far() - before;  // the test's own
    if (i > 0) say(client, request);
    size_t got = 0;
    do {
      got = turn_until_read(loop, backend, buffer, sizeof buffer);
      ASSERT_GT(got, 0u);
    } while (got <= 50);  // settings and windows
    say(backend, reply);
    do {
      got = turn_until_read(loop, client, buffer, sizeof buffer);
      ASSERT_GT(got, 0u);
    } while (std::string_view(buffer, got).find(talk.reply_begins) == std::string_view::npos);
  }
  // The access log's lines go to its thread some 30 times in these 1000 requests; its queue may
  // grow a little now and then.
  EXPECT_LT(test::allocations_so_far() - allocations, 20u);

  listener.end();
  bench.backends.close_idle();
  loop.run_once(false);
  for (const int descriptor : {client, backend, backend_listener}) ::close(descriptor);
}

std::function<std::string(int)> always(std::string_view text) {
  return [same = std::string(text)](int) { return same; };
}

void expect_no_allocations(const router::Settings& settings, std::string_view request,
                           std::string_view reply) {
  expect_no_allocations(
      settings,
      {.request_of = always(request), .reply_of = always(reply), .reply_begins = "HTTP/1.1 200"});
}

const std::string http2_greeting =
    std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + h2_bytes({H2Type::settings, 0, 0, {}});

// The nth on a connection, with a window's update as clients say it now and then.
std::string http2_request(int i) {
  static const std::string block = h2_block({{":method", "POST"},
                                             {":scheme", "http"},
                                             {":path", "/path?query"},
                                             {":authority", "app.example"},
                                             {"user-agent", "tester/1.0"},
                                             {"cookie", "a=b"},
                                             {"cookie", "JSESSIONID=0123456789"},
                                             {"content-length", "4"}});
  const auto stream = static_cast<uint32_t>(2 * i + 1);
  return h2_bytes({H2Type::headers, h2_end_headers, stream, block}) +
         h2_bytes({H2Type::data, h2_end_stream, stream, "body"}) +
         h2_bytes({H2Type::window_update, 0, 0, h2_u32(100)});
}

// A backend's, with trailers.
std::string http2_reply(int i) {
  static const std::string block =
      h2_block({{":status", "200"}, {"server", "test"}, {"content-type", "text/plain"}});
  static const std::string trailers = h2_block({{"x-sum", "5"}});
  const auto stream = static_cast<uint32_t>(2 * i + 1);
  const std::string settings = i == 0 ? h2_bytes({H2Type::settings, 0, 0, {}}) : std::string();
  return settings + h2_bytes({H2Type::headers, h2_end_headers, stream, block}) +
         h2_bytes({H2Type::data, 0, stream, "hello"}) +
         h2_bytes({H2Type::headers, h2_end_headers | h2_end_stream, stream, trailers}) +
         h2_bytes({H2Type::window_update, 0, 0, h2_u32(100)});
}

TEST(SteadyState, neither_does_a_request_of_http2) {
  if (is_sanitized) return;  // nghttp2's blocks are not kept in such a build
  router::Settings settings = usual_settings();
  settings.http2.on_plain_port = true;
  expect_no_allocations(settings, {.greeting = http2_greeting,
                                   .request_of = http2_request,
                                   .reply_of = always("HTTP/1.1 200 OK\r\nServer: test\r\n"
                                                      "Content-Type: text/plain\r\n"
                                                      "Content-Length: 5\r\n\r\nhello"),
                                   .reply_begins = "hello"});
}

TEST(SteadyState, neither_does_one_to_an_endpoint_that_speaks_http2) {
  if (is_sanitized) return;
  router::Settings settings = usual_settings();
  settings.http2_prior_knowledge = true;
  expect_no_allocations(settings,
                        {.request_of = always("POST /path?query HTTP/1.1\r\nHost: app.example\r\n"
                                              "User-Agent: tester/1.0\r\nContent-Length: 4\r\n"
                                              "Cookie: JSESSIONID=0123456789\r\n\r\nbody"),
                         .reply_of = http2_reply,
                         .reply_begins = "HTTP/1.1 200",
                         .backend = router::Protocol::http2});
}

TEST(SteadyState, neither_does_http2_on_both_sides) {
  if (is_sanitized) return;
  router::Settings settings = usual_settings();
  settings.http2_prior_knowledge = settings.http2.on_plain_port = true;
  expect_no_allocations(settings, {.greeting = http2_greeting,
                                   .request_of = http2_request,
                                   .reply_of = http2_reply,
                                   .reply_begins = "hello",
                                   .backend = router::Protocol::http2});
}

TEST(SteadyState, a_request_on_kept_connections_allocates_nothing) {
  expect_no_allocations(
      usual_settings(),
      "POST /path?query HTTP/1.1\r\nHost: app.example\r\nUser-Agent: tester/1.0\r\nAccept: "
      "*/*\r\nContent-Length: 4\r\n"
      "X-Forwarded-For: 192.0.2.1\r\nCookie: JSESSIONID=0123456789\r\n\r\nbody",
      "HTTP/1.1 200 OK\r\nServer: test\r\nContent-Type: text/plain\r\nTransfer-Encoding: "
      "chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\n\r\n");
}

TEST(SteadyState, neither_do_trace_headers_sticky_sessions_and_rewriting) {
  router::Settings settings = usual_settings();
  settings.enable_zipkin = settings.enable_w3c = true;
  settings.sticky_sessions_for_auth_negotiate = true;
  settings.hop_by_hop_headers_to_filter = {"b3"};
  settings.trace_key = "22";
  settings.remove_response_headers = {{.name = "Server", .value = ""}};
  settings.add_response_headers_if_not_present = {{"X-Added", "1"}};
  expect_no_allocations(
      settings,
      "GET /path HTTP/1.1\r\nHost: app.example\r\nConnection: b3, X-Gone\r\nX-Gone: 1\r\n"
      "X-Vcap-Trace: 22\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
      "tracestate: a=1\r\nCookie: JSESSIONID=1; __VCAP_ID__=gone\r\n\r\n",
      "HTTP/1.1 200 OK\r\nServer: test\r\nSet-Cookie: JSESSIONID=2; Secure\r\n"
      "Content-Length: 5\r\n\r\nhello");
}

}  // namespace
