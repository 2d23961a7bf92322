#include "bench/load/drive/dial.h"

#include <utility>

#include "bench/load/drive/slow_stream.h"

namespace causeway::load {

Dial::Dial(Dialer& dialer, size_t address, OnDialed on_dialed)
    : dialer_(dialer),
      address_(address),
      on_dialed_(std::move(on_dialed)),
      begun_(SystemClock().now()) {
  connector_ = net::Connector::start(dialer.loop, dialer.plan.addresses[address],
                                     {.timeout = dialer.plan.timeout},
                                     [this](Result<std::unique_ptr<net::Stream>> connected) {
                                       on_connection(std::move(connected));
                                     });
}

Dial::~Dial() = default;

void Dial::on_connection(Result<std::unique_ptr<net::Stream>> connected) {
  connector_.reset();
  if (!connected) return finish(connected.error());
  const LoadPlan& plan = dialer_.plan;
  std::unique_ptr<net::Stream> stream = std::move(connected).value();
  if (plan.speed.is_limited()) stream = std::make_unique<SlowStream>(std::move(stream), plan.speed);
  if (!plan.tls) return finish(Dialed{std::move(stream), {}, {}});
  handshake_ = tls::Handshake::connect(
      std::move(stream), *plan.tls,
      {.server_name = plan.server_names[address_],
       .sessions = plan.resumes_sessions ? &dialer_.sessions : nullptr,
       .timeout = plan.timeout},
      [this](Result<tls::Secured> secured) { on_secured(std::move(secured)); });
}

void Dial::on_secured(Result<tls::Secured> secured) {
  if (!secured) return finish(secured.error());
  using Kind = ConnectionFacts::Handshake;
  finish(Dialed{std::move(secured->stream),
                {.handshake = secured->is_resumed ? Kind::resumed : Kind::full,
                 .tls_version = std::move(secured->version)},
                std::move(secured->protocol)});
}

// The owner may end this object in its callback: nothing is touched afterwards.
void Dial::finish(Result<Dialed> dialed) {
  if (dialed) dialed->facts.took = SystemClock().now() - begun_;
  const OnDialed callback = std::move(on_dialed_);
  callback(std::move(dialed));
}

}  // namespace causeway::load
