#include "router/front/front.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "router/front/arrival.h"

namespace causeway::router {

namespace {

// Between two log lines about PROXY headers that are none.
constexpr Duration kRefusalSilence = std::chrono::seconds(1);

constexpr Duration rate_interval = std::chrono::milliseconds(5);

}  // namespace

Front::Front(net::Loop& loop, const Settings& settings, const log::Logger& logger,
             FrontMetrics& metrics, OnClient on_client)
    : loop_(loop),
      settings_(settings),
      logger_(logger),
      metrics_(metrics),
      on_client_(std::move(on_client)),
      rate_timer_(loop) {}

Front::~Front() { CHECK(arrivals_.empty()); }

void Front::admit(std::unique_ptr<net::Stream> stream, Entrance entrance) {
  arrivals_.push_back(
      std::make_unique<Arrival>(*this, std::move(stream), entrance, arrivals_.size()));
  metrics_.arriving.set(static_cast<double>(arrivals_.size()));
  arrivals_.back()->begin();
}

void Front::note_refused_header(const net::Address& peer, std::string_view reason) {
  metrics_.proxy_headers_refused.add();
  if (loop_.now() < refusals_silent_until_) return;
  refusals_silent_until_ = loop_.now() + kRefusalSilence;
  logger_.info("proxy-header-refused", {{"peer", peer.to_string()}, {"reason", reason}});
}

bool HandshakeRate::take(Instant now, uint32_t per_second) {
  if (per_second == 0) return true;
  const double burst = std::max(1.0, per_second / 10.0);
  const std::chrono::duration<double> passed = now - refilled_;
  tokens_ = std::min(burst, tokens_ + passed.count() * per_second);
  refilled_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

bool Front::may_shake(Arrival& arrival) {
  const uint32_t per_second = settings_.frontend_handshakes_per_second;
  if (waiting_.empty() && rate_.take(loop_.now(), per_second)) return true;
  metrics_.handshakes_delayed.add();
  waiting_.push_back(arrival);
  if (!rate_timer_.is_armed()) rate_timer_.every(rate_interval, [this] { on_rate_tick(); });
  return false;
}

void Front::on_rate_tick() {
  const uint32_t per_second = settings_.frontend_handshakes_per_second;
  while (!waiting_.empty() && rate_.take(loop_.now(), per_second)) {
    Arrival& next = waiting_.front();
    next.unlink();
    next.on_turn();
  }
  if (waiting_.empty()) rate_timer_.disarm();
}

void Front::remove(Arrival& arrival) {
  arrival.unlink();
  const size_t place = arrival.place();
  CHECK(place < arrivals_.size() && arrivals_[place].get() == &arrival);
  std::unique_ptr<Arrival> taken = std::move(arrivals_[place]);
  if (place + 1 < arrivals_.size()) {
    arrivals_[place] = std::move(arrivals_.back());
    arrivals_[place]->place(place);
  }
  arrivals_.pop_back();
  metrics_.arriving.set(static_cast<double>(arrivals_.size()));
  loop_.bury(std::move(taken));
}

void Front::end() {
  rate_timer_.disarm();
  arrivals_.clear();
  metrics_.arriving.set(0);
}

}  // namespace causeway::router
