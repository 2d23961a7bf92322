#include "bench/load/drive/dial.h"

#include <utility>

#include "bench/load/drive/slow_stream.h"

namespace causeway::load {

Dial::Dial(net::Loop& loop, const LoadPlan& plan, const net::Address& address, OnDialed on_dialed)
    : plan_(plan), on_dialed_(std::move(on_dialed)), begun_(SystemClock().now()) {
  connector_ = net::Connector::start(loop, address, {.timeout = plan.timeout},
                                     [this](Result<std::unique_ptr<net::Stream>> connected) {
                                       on_connection(std::move(connected));
                                     });
}

Dial::~Dial() = default;

void Dial::on_connection(Result<std::unique_ptr<net::Stream>> connected) {
  connector_.reset();
  const OnDialed callback = std::move(on_dialed_);  // which may end this object
  if (!connected) return callback(connected.error());
  std::unique_ptr<net::Stream> stream = std::move(connected).value();
  if (plan_.speed.is_limited())
    stream = std::make_unique<SlowStream>(std::move(stream), plan_.speed);
  callback(Dialed{std::move(stream), {.took = SystemClock().now() - begun_}});
}

}  // namespace causeway::load
