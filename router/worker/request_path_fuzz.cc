// The whole path of requests with nothing real around it: bytes of a client and of a backend in,
// cut anywhere, with ends and resets between; requests to backends and replies to the client out.
// No CHECK breaks; every request that a backend gets is one the client made, with its own body;
// what the client gets is a row of replies; nothing is left behind.
//
// Input: a byte (the length of the pieces in which bytes arrive), then blocks that begin with 0xff
// and a letter: c client says, b backend says (to the request it got last), e/E client/backend
// ends, r/R resets, d drain. What stands before the first 0xff is the client's.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/h1_parser.h"
#include "metrics/registry.h"
#include "net/loop.h"
#include "router/client/listener.h"
#include "router/route/route_book.h"
#include "router/workbench/workbench.h"

using namespace causeway;

namespace {

constexpr size_t input_bytes_max = 16'384;

// What the harness keeps of a stream that the router owns.
struct Wire {
  net::Stream::Events* events = nullptr;
  bool is_open = false;  // the stream exists
  bool is_paused = false;
  bool has_ended = false;  // this peer sends no more
  bool is_told = false;    // the router knows
  std::string incoming;    // said, not yet read by the router
  std::string written;     // by the router
  size_t noted = 0;        // bytes of it that were looked at
};

// A stream without a socket: what is written is noted, what is read comes from the input. Owner: as
// Stream; the wire outlives it.
class WireStream final : public net::Stream {
 public:
  WireStream(Wire& wire, net::Loop& loop, int quiet_socket)
      : wire_(wire), loop_(loop), quiet_socket_(quiet_socket) {
    wire_.is_open = true;
  }
  ~WireStream() override {
    wire_.is_open = false;
    wire_.events = nullptr;
  }
  WireStream(const WireStream&) = delete;
  WireStream& operator=(const WireStream&) = delete;

  using Stream::write;
  void listen(Events& events) override { wire_.events = &events; }
  void pause(net::Pause reason) override { set(pauses_ | static_cast<unsigned>(reason)); }
  void resume(net::Pause reason) override { set(pauses_ & ~static_cast<unsigned>(reason)); }
  void write(std::span<const std::string_view> pieces) override {
    CHECK(!has_fin_);
    for (const std::string_view piece : pieces) wire_.written.append(piece);
  }
  size_t queued_bytes() const override { return 0; }
  void watermarks(size_t) override {}
  size_t high_mark() const override { return 64u << 10; }
  void shutdown() override { has_fin_ = true; }
  void abort_on_close() override {}
  const net::Address& peer() const override { return address_; }
  const net::Address& local() const override { return address_; }
  net::Loop& loop() override { return loop_; }
  int descriptor() const override { return quiet_socket_; }

 private:
  void set(unsigned pauses) {
    pauses_ = pauses;
    wire_.is_paused = pauses != 0;
  }

  Wire& wire_;
  net::Loop& loop_;
  const int quiet_socket_;
  unsigned pauses_ = 0;
  bool has_fin_ = false;
  net::Address address_ = net::Address::loopback(4321);
};

// Uses a fresh backend connection once, so that the pool may keep it.
struct FirstUse final : router::BackendConnection::User {
  void on_reply(http::ReplyHead&) override {}
  void on_reply_body(std::string_view) override {}
  void on_reply_end(const http::Headers&) override {}
  void on_backend_read_done(std::string_view) override {}
  void on_backend_failure(const Error&) override { CHECK(false); }
  void on_backend_drained() override {}
};

router::Settings fuzz_settings() {
  router::Settings settings;
  settings.max_request_header_bytes = 8192;
  settings.max_request_headers = 64;
  settings.max_response_header_bytes = 8192;
  settings.max_attempts = 2;
  settings.disable_keep_alives = false;
  settings.max_idle_conns_per_host = 4;
  settings.hop_by_hop_headers_to_filter = {"X-Forwarded-For"};
  settings.trace_key = "key";
  settings.enable_zipkin = settings.enable_w3c = true;
  settings.sticky_sessions_for_auth_negotiate = true;
  return settings;
}

// One worker's tools, made once for all inputs; a route to an endpoint where nobody listens.
struct Bench {
  Bench() {
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, quiet) == 0);
    router::RouteChange change;
    change.uris = {"app.example"};
    change.endpoint.host = "127.0.0.1";
    change.endpoint.port = 1;
    book.apply(change);
    table = book.publish();
    bench.routes.replace(table);
    pool = table->find_exact("app.example");
    CHECK(pool != nullptr && pool->size() == 1);
  }

  log::Sink sink{{.level = log::Level::error, .path = "/dev/null"}};
  log::Logger logger{sink, "fuzz"};
  metrics::Registry registry;
  SystemClock clock;
  router::RouteBook book{{}, clock};
  net::Loop loop;
  router::Workbench bench{loop,    std::make_shared<const router::Settings>(fuzz_settings()),
                          logger,  registry,
                          nullptr, 1};
  std::shared_ptr<const router::RouteTable> table;
  const router::Pool* pool = nullptr;
  int quiet[2] = {-1, -1};
};

// Never ended: its threads and loop last as long as the program.
Bench& the_bench() {
  static Bench* const bench = std::make_unique<Bench>().release();
  return *bench;
}

// Requests as a strict reader finds them in a row of bytes.
struct Requests final : http::RequestParser::Events {
  struct Request {
    std::string method, target, body;
    size_t ids = 0;
    bool is_upgrade = false;
    bool is_whole = false;
  };

  // Up to the first malformed one, or to one that could begin a tunnel where `tunnels`.
  bool read(std::string_view bytes, bool tunnels) {
    Arena arena;
    http::RequestParser parser(arena, {.head_bytes_max = 1u << 20, .headers_max = 10'000}, *this);
    while (!bytes.empty()) {
      const auto used = parser.feed(bytes);
      if (!used) return false;
      bytes.remove_prefix(*used);
      if (!parser.is_complete()) return true;
      if (tunnels && list.back().is_upgrade) return true;
      parser.next_request();
      arena.reset();
    }
    return true;
  }

  void on_request(http::RequestHead& head) override {
    Request request;
    request.method = head.method;
    request.target = head.target;
    request.is_upgrade = head.upgrade;
    for (const http::Header& line : head.headers)
      request.ids += http::equals_ignoring_case(line.name, "x-vcap-request-id") ? 1 : 0;
    list.push_back(std::move(request));
  }
  void on_request_body(std::string_view bytes) override { list.back().body += bytes; }
  void on_request_end(const http::Headers&) override { list.back().is_whole = true; }

  std::vector<Request> list;
};

// What the client gets is whole replies, and at most one that is cut at the end.
struct Replies final : http::ReplyParser::Events {
  void read(std::string_view bytes, const std::vector<Requests::Request>& requests) {
    Arena arena;
    http::ReplyParser parser(arena, {.head_bytes_max = 1u << 20, .headers_max = 100'000}, *this);
    for (size_t index = 0; !bytes.empty(); ++index) {
      arena.reset();
      parser.expect(index < requests.size() ? requests[index].method : "GET");
      const auto used = parser.feed(bytes);
      CHECK(used);
      bytes.remove_prefix(*used);
      if (!parser.is_complete() || parser.head().status == 101) return;
    }
  }
  void on_reply(http::ReplyHead&) override {}
  void on_reply_body(std::string_view) override {}
  void on_reply_end(const http::Headers&) override {}
};

// One client connection and the backends it meets. Owner and thread: one input.
class Play {
 public:
  explicit Play(size_t piece_bytes)
      : all_(the_bench()), listener_(all_.bench), piece_bytes_(std::max<size_t>(piece_bytes, 1)) {
    wires_.push_back(std::make_unique<Wire>());
    listener_.accept(std::make_unique<WireStream>(*wires_.front(), all_.loop, all_.quiet[0]));
    stock();
  }
  Play(const Play&) = delete;
  Play& operator=(const Play&) = delete;

  void act(char kind, std::string_view bytes) {
    const bool is_backends = kind == 'b' || kind == 'E' || kind == 'R';
    if (is_backends && latest_ == 0) return;  // no backend was asked anything yet
    switch (kind) {
      case 'b':
        if (!backend().has_ended) backend().incoming += bytes;
        break;
      case 'e':
        client().has_ended = true;
        break;
      case 'E':
        backend().has_ended = true;
        break;
      case 'r':
        fail(client());
        break;
      case 'R':
        fail(backend());
        break;
      case 'd':
        listener_.drain();
        break;
      default:
        if (!client().has_ended) {
          said_ += bytes;
          client().incoming += bytes;
        }
        break;
    }
    pump();
  }

  void finish() {
    listener_.end();
    all_.bench.backends.close_idle();
    all_.loop.run_once(false);
    all_.loop.run_once(false);
    CHECK(all_.bench.exchanges == 0 && all_.bench.tunnels == 0);
    CHECK(all_.bench.backends.connections() == 0 && listener_.connections() == 0);
    for (const auto& wire : wires_) CHECK(!wire->is_open);
    compare();
  }

 private:
  Wire& client() { return *wires_.front(); }
  // Where the router wrote last.
  Wire& backend() { return *wires_[latest_]; }

  void fail(Wire& wire) {
    if (wire.events == nullptr || wire.is_told) return;
    wire.has_ended = wire.is_told = true;
    wire.incoming.clear();
    wire.events->on_failure(Error{.fault = Fault::reset, .side = Side::client, .os = ECONNRESET});
  }

  // Keeps two idle connections to the endpoint.
  void stock() {
    while (all_.bench.backends.idle() < 2) {
      Wire& wire = *wires_.emplace_back(std::make_unique<Wire>());
      const router::Endpoint& endpoint = *all_.pool->endpoints()[0];
      auto lease =
          all_.bench.backends.adopt(endpoint.id(), all_.pool->key(),
                                    std::make_unique<WireStream>(wire, all_.loop, all_.quiet[0]));
      FirstUse user;
      lease->use(user, "GET");
      std::string reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
      wire.events->on_read(reply);
      CHECK(lease->is_reusable());
      lease.give_back();
    }
  }

  // Delivers what was said, piece by piece, until nobody takes any more.
  void pump() {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t i = 0; i < wires_.size(); ++i) {
        moved = deliver(*wires_[i]) || moved;
        note_writes();
      }
      all_.loop.run_once(false);
      stock();
    }
  }

  bool deliver(Wire& wire) {
    if (wire.events == nullptr || wire.is_paused) return false;
    if (!wire.incoming.empty()) {
      std::string piece = wire.incoming.substr(0, piece_bytes_);
      wire.incoming.erase(0, piece.size());
      wire.events->on_read(piece);
      return true;
    }
    if (!wire.has_ended || wire.is_told) return false;
    wire.is_told = true;
    wire.events->on_end();
    return true;
  }

  void note_writes() {
    for (size_t i = 1; i < wires_.size(); ++i) {
      if (wires_[i]->written.size() > wires_[i]->noted) latest_ = i;
      wires_[i]->noted = wires_[i]->written.size();
    }
  }

  void compare() {
    Requests made;
    made.read(said_, false);
    for (size_t i = 1; i < wires_.size(); ++i) {
      Requests got;
      CHECK(got.read(wires_[i]->written, true));
      for (const auto& request : got.list) {
        CHECK(request.ids == 1);
        CHECK(std::any_of(made.list.begin(), made.list.end(), [&](const auto& one) {
          return one.method == request.method && one.target == request.target &&
                 (request.is_whole ? one.is_whole && one.body == request.body
                                   : one.body.starts_with(request.body));
        }));
      }
    }
    Replies().read(client().written, made.list);
  }

  Bench& all_;
  router::Listener listener_;
  const size_t piece_bytes_;
  std::vector<std::unique_ptr<Wire>> wires_;  // the client's first
  size_t latest_ = 0;
  std::string said_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > input_bytes_max) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  Play play(data[0] % 32 == 0 ? input_bytes_max : data[0] % 32);
  char kind = 'c';
  for (size_t blocks = 0; blocks < 64; ++blocks) {
    const size_t end = std::min(rest.find('\xff'), rest.size());
    play.act(kind, rest.substr(0, end));
    rest.remove_prefix(end);
    if (rest.size() < 2) break;
    kind = rest[1];
    rest.remove_prefix(2);
  }
  play.finish();
  return 0;
}
