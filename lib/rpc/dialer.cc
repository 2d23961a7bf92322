#include "rpc/dialer.h"

#include <utility>

#include "net/loop.h"
#include "rpc/identity.h"

namespace causeway::rpc {

Dialer::Dialer(net::Loop& loop, const std::string& host, uint16_t port, Options options,
               OnStream on_stream)
    : loop_(loop),
      host_(host),
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
      [this](Result<std::unique_ptr<net::Stream>> stream) { connected(std::move(stream)); });
}

void Dialer::connected(Result<std::unique_ptr<net::Stream>> stream) {
  if (!stream || options_.identity == nullptr) return finish(std::move(stream));
  Identity& identity = *options_.identity;
  handshake_ = tls::Handshake::connect(
      std::move(*stream), identity.client(),
      {.server_name = host_, .sessions = &identity.sessions(), .timeout = options_.timeout},
      [this](Result<tls::Secured> secured) {
        if (!secured) return finish(std::move(secured).error());
        finish(std::move(secured->stream));
      });
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
