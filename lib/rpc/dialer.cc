#include "rpc/dialer.h"

#include <algorithm>
#include <utility>

#include "net/loop.h"
#include "rpc/identity.h"

namespace causeway::rpc {

namespace {

constexpr Duration kAddressTimeoutMin = std::chrono::seconds(1);

}  // namespace

Dialer::Dialer(net::Loop& loop, const std::string& host, uint16_t port, Options options,
               OnStream on_stream)
    : loop_(loop),
      host_(host),
      name_(host + ":" + std::to_string(port)),
      options_(options),
      on_stream_(std::move(on_stream)) {
  if (auto address = net::Address::parse(host, port)) {
    begin({*address});
    return;
  }
  resolver_ = options_.resolve(loop_, host, port, [this](Result<std::vector<net::Address>> all) {
    if (!all) return finish(std::move(all).error());
    begin(std::move(*all));
  });
}

void Dialer::begin(std::vector<net::Address> addresses) {
  addresses_ = std::move(addresses);
  // One that is silent must not take the time of the others.
  timeout_ = std::max<Duration>(options_.timeout / static_cast<int64_t>(addresses_.size()),
                                std::min(options_.timeout, kAddressTimeoutMin));
  if (options_.last_good != nullptr && *options_.last_good) {
    const auto good = std::find(addresses_.begin(), addresses_.end(), **options_.last_good);
    if (good != addresses_.end()) std::rotate(addresses_.begin(), good, good + 1);
  }
  connect();
}

void Dialer::connect() {
  connector_ = net::Connector::start(
      loop_, addresses_[next_++],
      {.timeout = timeout_, .keep_alive_probe = options_.keep_alive_probe},
      [this](Result<std::unique_ptr<net::Stream>> stream) { connected(std::move(stream)); });
}

void Dialer::connected(Result<std::unique_ptr<net::Stream>> stream) {
  if (!stream) return failed(std::move(stream).error());
  if (options_.identity == nullptr) return finish(std::move(stream));
  Identity& identity = *options_.identity;
  handshake_ = tls::Handshake::connect(
      std::move(*stream), identity.client(),
      {.server_name = host_, .sessions = &identity.sessions(), .timeout = timeout_},
      [this](Result<tls::Secured> secured) {
        if (!secured) return failed(std::move(secured).error());
        finish(std::move(secured->stream));
      });
}

void Dialer::failed(Error error) {
  if (next_ == addresses_.size()) return finish(std::move(error));
  // We are in a callback of one of them.
  loop_.bury(std::move(handshake_));
  loop_.bury(std::move(connector_));
  connect();
}

void Dialer::finish(Result<std::unique_ptr<net::Stream>> stream) {
  if (stream && options_.last_good != nullptr) *options_.last_good = addresses_[next_ - 1];
  if (!stream) {
    Error& error = stream.error();
    error.side = Side::backend;
    error.retry = Retry::always;  // nothing was sent
    if (error.detail.find(name_) == std::string::npos) {
      error.detail = error.detail.empty() ? "connect to " + name_
                                          : "connect to " + name_ + ": " + error.detail;
    }
  }
  OnStream on_stream = std::move(on_stream_);
  on_stream(std::move(stream));
}

}  // namespace causeway::rpc
