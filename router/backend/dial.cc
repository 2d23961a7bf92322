#include "router/backend/dial.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::router {
namespace {

constexpr std::string_view both_protocols = "\x02h2\x08http/1.1";
constexpr Duration shortest_timeout = std::chrono::milliseconds(1);

}  // namespace

Dial::Target::Target(const Endpoint& endpoint)
    : address(endpoint.address()), is_tls(endpoint.is_tls()) {
  if (!endpoint.is_numeric()) host = endpoint.host();
  if (!is_tls) return;
  const std::string_view san = endpoint.server_cert_domain_san();
  server_name = san.empty() ? endpoint.host() : san;
}

void Dial::start(const Target& target, const Options& options, Http2 http2) {
  give_up();
  CHECK(!target.is_tls || options.tls != nullptr);
  options_ = options;
  http2_ = http2;
  is_tls_ = target.is_tls;
  server_name_ = target.server_name;
  times_ = {};
  began_at_ = loop_.now();
  if (target.host.empty()) return connect(target.address);
  look_up(target.host, target.address.port());
}

// The system's resolver has no deadline of its own that could be relied on.
void Dial::look_up(const std::string& host, uint16_t port) {
  if (options_.connect_timeout > Duration::zero()) {
    lookup_deadline_ = std::make_unique<net::Timer>(loop_);
    lookup_deadline_->once(options_.connect_timeout, [this] {
      times_.lookup = loop_.now() - began_at_;
      resolver_.reset();
      fail(Stage::lookup,
           {.fault = Fault::timeout, .side = Side::backend, .detail = "name lookup"});
    });
  }
  resolver_ = net::Resolver::start(loop_, host, port, [this](Result<net::Address> address) {
    times_.lookup = loop_.now() - began_at_;
    lookup_deadline_.reset();
    if (!address) return fail(Stage::lookup, address.error());
    connect(*address);
  });
}

void Dial::connect(const net::Address& address) {
  net::Connector::Options options;
  options.timeout = options_.connect_timeout;
  if (options.timeout > Duration::zero())
    options.timeout = std::max(options.timeout - times_.lookup, shortest_timeout);
  options.keep_alive_probe = options_.keep_alive_probe;
  connector_ = net::Connector::start(loop_, address, options,
                                     [this](Result<std::unique_ptr<net::Stream>> connected) {
                                       on_connected(std::move(connected));
                                     });
}

void Dial::on_connected(Result<std::unique_ptr<net::Stream>> connected) {
  times_.connect = loop_.now() - began_at_ - times_.lookup;
  if (!connected) return fail(Stage::connect, connected.error());
  if (!is_tls_)
    return user_.on_dialled(
        {.stream = *std::move(connected), .speaks_http2 = http2_ == Http2::known});
  tls::Handshake::ConnectOptions options;
  options.server_name = server_name_;
  options.sessions = options_.sessions;
  options.timeout = options_.handshake_timeout;
  if (http2_ != Http2::no) options.alpn = both_protocols;
  handshake_ = tls::Handshake::connect(
      *std::move(connected), *options_.tls, options,
      [this](Result<tls::Secured> secured) { on_secured(std::move(secured)); });
}

void Dial::on_secured(Result<tls::Secured> secured) {
  times_.tls = loop_.now() - began_at_ - times_.lookup - times_.connect;
  if (!secured) return fail(Stage::tls, secured.error());
  user_.on_dialled(
      {.stream = std::move(secured->stream), .speaks_http2 = secured->protocol == "h2"});
}

void Dial::fail(Stage stage, const Error& error) { user_.on_dial_failed(stage, error); }

void Dial::give_up() {
  resolver_.reset();
  lookup_deadline_.reset();
  connector_.reset();
  handshake_.reset();
}

}  // namespace causeway::router
