// One request through the proxy without the kernel: the streams are memory, all else is real. What
// is left of a request's cost are system calls (bench/compare).
#include <memory>
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "base/clock.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "net/timer.h"
#include "router/client/listener.h"
#include "router/observe/access_log.h"
#include "router/route/route_book.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// What is written is counted and forgotten; what is read comes from say().
class MemoryStream final : public net::Stream {
 public:
  MemoryStream(net::Loop& loop, net::Address peer) : loop_(loop), peer_(peer) {}

  void say(std::string& text) { events_->on_read({text.data(), text.size()}); }
  size_t bytes() const { return bytes_; }

  using net::Stream::write;
  void listen(Events& events) override { events_ = &events; }
  void pause(net::Pause) override {}
  void resume(net::Pause) override {}
  void write(std::span<const std::string_view> pieces) override {
    for (const std::string_view piece : pieces) bytes_ += piece.size();
  }
  size_t queued_bytes() const override { return 0; }
  void watermarks(size_t) override {}
  size_t high_mark() const override { return 64u << 10; }
  void shutdown() override {}
  void abort_on_close() override {}
  const net::Address& peer() const override { return peer_; }
  const net::Address& local() const override { return peer_; }
  net::Loop& loop() override { return loop_; }
  int descriptor() const override { return -1; }

 private:
  net::Loop& loop_;
  const net::Address peer_;
  Events* events_ = nullptr;
  size_t bytes_ = 0;
};

// Uses a new backend connection once, so that it is fit for the pool.
struct FirstUse final : BackendConnection::User {
  void on_reply(http::ReplyHead&) override {}
  void on_reply_body(std::string_view) override {}
  void on_reply_end(const http::Headers&) override {}
  void on_backend_read_done(std::string_view) override {}
  void on_backend_failure(const Error&) override {}
  void on_backend_drained() override {}
};

constexpr std::string_view small_request =
    "GET /bytes/128 HTTP/1.1\r\nHost: app.example\r\nUser-Agent: bench/1.0\r\n\r\n";
constexpr std::string_view browser_request =
    "GET /products/search?q=shoes&page=2 HTTP/1.1\r\n"
    "Host: app.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: https://app.example/products\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: JSESSIONID=0123456789abcdef; theme=dark; consent=yes\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "X-Forwarded-For: 192.0.2.7\r\n"
    "X-Forwarded-Proto: https\r\n\r\n";
const std::string small_reply =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n\r\n" +
    std::string(128, 'x');

// What a worker has, with one route, one client and one kept backend connection.
struct Stage {
  explicit Stage(bool logs)
      : log(logs ? AccessLog::open({.path = "/dev/null"}).value() : nullptr),
        bench(loop, std::make_shared<const Settings>(settings()), logger, registry, log.get(), 1),
        listener(bench) {
    RouteChange change;
    change.uris = {"app.example"};
    change.endpoint.host = "127.0.0.1";
    change.endpoint.port = 8080;
    change.endpoint.app_id = "01234567-89ab-cdef-0123-456789abcdef";
    change.endpoint.instance_id = "56789abc-89ab-cdef-0123-456789abcdef";
    change.endpoint.instance_index = "0";
    change.endpoint.tags["component"] = "app";
    book.apply(change);
    bench.routes.replace(book.publish());
    auto client_stream =
        std::make_unique<MemoryStream>(loop, net::Address::parse("127.0.0.1", 40000).value());
    client = client_stream.get();
    listener.accept(std::move(client_stream));
    auto backend_stream =
        std::make_unique<MemoryStream>(loop, net::Address::parse("127.0.0.1", 8080).value());
    backend = backend_stream.get();
    const Pool* pool = bench.routes.table().find("app.example", "/");
    BackendLease lease =
        bench.backends.adopt(pool->endpoints()[0]->id(), pool->key(), std::move(backend_stream));
    FirstUse use;
    lease->use(use, "GET");
    std::string reply = small_reply;
    backend->say(reply);
    lease.give_back();
  }
  ~Stage() {
    listener.end();
    bench.backends.close_idle();
    loop.run_once(false);
  }
  static Settings settings() {
    Settings settings;
    settings.disable_keep_alives = false;
    return settings;
  }

  log::Sink sink{{.path = "/dev/null"}};
  log::Logger logger{sink, "bench"};
  metrics::Registry registry;
  SystemClock clock;
  RouteBook book{{}, clock};
  net::Loop loop;
  std::unique_ptr<AccessLog> log;
  Workbench bench;
  Listener listener;
  MemoryStream* client = nullptr;
  MemoryStream* backend = nullptr;
};

void proxy_request(benchmark::State& state, std::string_view request_text, bool logs) {
  Stage stage(logs);
  std::string request(request_text), reply = small_reply;
  net::Timer timer(stage.loop);
  // On the loop: what a worker reads once a turn is read once here.
  timer.once({}, [&] {
    for (auto _ : state) {
      stage.client->say(request);
      stage.backend->say(reply);
    }
  });
  const size_t before = stage.client->bytes();
  while (timer.is_armed()) stage.loop.run_once(false);
  const size_t each = (stage.client->bytes() - before) / static_cast<size_t>(state.iterations());
  if (each < small_reply.size()) state.SkipWithError("not answered");
}

BENCHMARK_CAPTURE(proxy_request, small, small_request, false);
BENCHMARK_CAPTURE(proxy_request, small_logged, small_request, true);
BENCHMARK_CAPTURE(proxy_request, browser, browser_request, false);
BENCHMARK_CAPTURE(proxy_request, browser_logged, browser_request, true);

}  // namespace
}  // namespace causeway::router
