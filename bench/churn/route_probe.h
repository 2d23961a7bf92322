#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "base/result.h"
#include "http/h1_parser.h"
#include "net/address.h"
#include "net/stream.h"
#include "net/tcp.h"
#include "net/timer.h"

namespace causeway::churn {

// What a probe waits for: a reply from the route's backend (2xx), or the router's "no such route".
enum class Awaited : uint8_t { routable, gone };

// Asks a router for one host again and again, until the answer is the awaited one. Kept and used
// for the next host then, with its connection. Owner: Prober. Thread: its loop's.
class RouteProbe final : net::Stream::Events, http::ReplyParser::Events {
 public:
  struct Errand {
    std::string host;
    Awaited awaited = Awaited::routable;
    Instant since{};     // when the router was told
    Instant deadline{};  // Fault::timeout afterwards
    Duration pause{};    // between a reply and the next question
    std::function<void(Result<Duration>)> on_seen;
  };

  RouteProbe(net::Loop& loop, const net::Address& router, std::function<void(RouteProbe&)> on_free);
  RouteProbe(const RouteProbe&) = delete;
  RouteProbe& operator=(const RouteProbe&) = delete;
  ~RouteProbe();

  void start(Errand errand);

 private:
  void ask();
  void lose_connection();
  void later();
  void finish(Result<Duration> seen);

  void on_read(std::span<char> bytes) override;
  void on_end() override { lose_connection(); }
  void on_failure(const Error&) override { lose_connection(); }
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view) override {}
  void on_reply_end(const http::Headers& trailers) override;

  net::Loop& loop_;
  const net::Address router_;
  const std::function<void(RouteProbe&)> on_free_;
  bool is_busy_ = false;
  Errand errand_;
  std::string last_answer_ = {};
  uint16_t status_ = 0;
  bool is_complete_ = false;
  net::Timer again_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<net::Stream> stream_;
  Arena arena_;
  http::ReplyParser parser_;
};

// Hands hosts to probes; those for which none is free wait in order (their clock runs). Owner: a
// run. Thread: its loop's. Ends: nobody is told any more.
class Prober {
 public:
  struct Options {
    size_t probes_max = 32;
    Duration pause = std::chrono::milliseconds(1);
    Duration timeout = std::chrono::seconds(60);
  };

  Prober(net::Loop& loop, const net::Address& router, Options options);
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  void await(std::string host, Awaited awaited, Instant since,
             std::function<void(Result<Duration>)> on_seen);
  // Hosts whose answer is still awaited.
  size_t awaited() const { return awaited_; }
  // Those of them that no probe was free for.
  size_t waiting() const { return waiting_.size() - next_; }

 private:
  void freed(RouteProbe& probe);

  net::Loop& loop_;
  const net::Address router_;
  const Options options_;
  size_t awaited_ = 0;
  std::vector<RouteProbe::Errand> waiting_;
  size_t next_ = 0;  // of waiting_
  std::vector<RouteProbe*> free_;
  std::vector<std::unique_ptr<RouteProbe>> probes_;
};

}  // namespace causeway::churn
