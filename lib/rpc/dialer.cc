#include "rpc/dialer.h"

#include <utility>

#include "net/loop.h"

namespace causeway::rpc {

Dialer::Dialer(net::Loop& loop, const std::string& host, uint16_t port, Options options,
               OnStream on_stream)
    : loop_(loop),
      name_(host + ":" + std::to_string(port)),
      options_(options),
      on_stream_(std::move(on_stream)) {
  if (auto address = net::Address::parse(host, port)) {
    connect(*address);
    return;
  }
  resolver_ = net::Resolver::start(loop_, host, port, [this](Result<net::Address> address) {
    if (!address) return finish(std::move(address).error());
    connect(*address);
  });
}

void Dialer::connect(const net::Address& address) {
  connector_ = net::Connector::start(
      loop_, address, {.timeout = options_.timeout, .keep_alive_probe = options_.keep_alive_probe},
      [this](Result<std::unique_ptr<net::Stream>> stream) { finish(std::move(stream)); });
}

void Dialer::finish(Result<std::unique_ptr<net::Stream>> stream) {
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
