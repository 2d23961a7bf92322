#include "bench/churn/route_probe.h"

#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::churn {

RouteProbe::RouteProbe(net::Loop& loop, const net::Address& router,
                       std::function<void(RouteProbe&)> on_free)
    : loop_(loop),
      router_(router),
      on_free_(std::move(on_free)),
      again_(loop),
      arena_(1024),
      parser_(arena_, http::HeadLimits{.head_bytes_max = 64u << 10, .headers_max = 1000}, *this) {}

RouteProbe::~RouteProbe() = default;

void RouteProbe::start(Errand errand) {
  CHECK(!is_busy_);
  is_busy_ = true;
  errand_ = std::move(errand);
  last_answer_ = "no answer";
  // Never from inside the call: those that waited too long would nest.
  if (loop_.now() > errand_.deadline) return again_.once(Duration::zero(), [this] { ask(); });
  ask();
}

void RouteProbe::ask() {
  if (loop_.now() > errand_.deadline)
    return finish(Error{.fault = Fault::timeout,
                        .detail = errand_.host + ": the last answer was " + last_answer_});
  if (!stream_) {
    connector_ = net::Connector::start(loop_, router_, {},
                                       [this](Result<std::unique_ptr<net::Stream>> connected) {
                                         connector_.reset();
                                         if (!connected) {
                                           last_answer_ = to_string(connected.error());
                                           return later();
                                         }
                                         stream_ = std::move(*connected);
                                         stream_->listen(*this);
                                         ask();
                                       });
    return;
  }
  arena_.reset();
  is_complete_ = false;
  parser_.expect("GET");
  stream_->write("GET / HTTP/1.1\r\nHost: " + errand_.host + "\r\n\r\n");
}

void RouteProbe::later() {
  again_.once(errand_.pause, [this] { ask(); });
}

void RouteProbe::lose_connection() {
  stream_.reset();
  if (!is_busy_ || again_.is_armed()) return;
  last_answer_ = "a lost connection";
  later();
}

void RouteProbe::on_read(std::span<char> bytes) {
  const auto used = parser_.feed({bytes.data(), bytes.size()});
  if (!used) return lose_connection();
  if (!is_complete_ || !is_busy_) return;
  if (!parser_.head().keep_alive) stream_.reset();
  const bool is_there = status_ >= 200 && status_ < 300;
  const bool is_seen = errand_.awaited == Awaited::routable ? is_there : status_ == 404;
  if (is_seen) return finish(std::chrono::steady_clock::now() - errand_.since);
  last_answer_ = "status " + std::to_string(status_);
  later();
}

void RouteProbe::on_reply(http::ReplyHead& head) { status_ = head.status; }

void RouteProbe::on_reply_end(const http::Headers&) { is_complete_ = true; }

void RouteProbe::finish(Result<Duration> seen) {
  is_busy_ = false;
  const auto on_seen = std::exchange(errand_.on_seen, {});
  on_seen(std::move(seen));
  on_free_(*this);
}

Prober::Prober(net::Loop& loop, const net::Address& router, Options options)
    : loop_(loop), router_(router), options_(options) {}

void Prober::await(std::string host, Awaited awaited, Instant since,
                   std::function<void(Result<Duration>)> on_seen) {
  ++awaited_;
  RouteProbe::Errand errand{.host = std::move(host),
                            .awaited = awaited,
                            .since = since,
                            .deadline = since + options_.timeout,
                            .pause = options_.pause,
                            .on_seen = [this, on_seen = std::move(on_seen)](Result<Duration> seen) {
                              --awaited_;
                              on_seen(std::move(seen));
                            }};
  if (free_.empty() && probes_.size() < options_.probes_max) {
    probes_.push_back(
        std::make_unique<RouteProbe>(loop_, router_, [this](RouteProbe& probe) { freed(probe); }));
    free_.push_back(probes_.back().get());
  }
  if (free_.empty()) return waiting_.push_back(std::move(errand));
  RouteProbe& probe = *free_.back();
  free_.pop_back();
  probe.start(std::move(errand));
}

void Prober::freed(RouteProbe& probe) {
  if (next_ == waiting_.size()) return free_.push_back(&probe);
  RouteProbe::Errand errand = std::move(waiting_[next_++]);
  if (next_ == waiting_.size()) {
    waiting_.clear();
    next_ = 0;
  }
  probe.start(std::move(errand));
}

}  // namespace causeway::churn
