#include "router/proxy/tunnel.h"

#include "router/proxy/exchange.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// Looks, half a second apart, for the last bytes to go out to a slow reader after both sides have
// ended: one minute.
constexpr uint32_t tunnel_linger_rounds_max = 120;

}  // namespace

Tunnel::Tunnel(Exchange& exchange, Workbench& bench)
    : exchange_(exchange), bench_(bench), client_(*this), backend_(*this) {
  client_.other = &backend_;
  backend_.other = &client_;
}

void Tunnel::start(net::Stream& client, net::Stream& backend, std::string_view from_client,
                   std::string_view from_backend, bool client_has_ended) {
  is_open_ = true;
  is_leaving_ = false;
  is_websocket_ = http::equals_ignoring_case(exchange_.facts().upgrade, "websocket");
  linger_rounds_ = 0;
  client_.stream = &client;
  backend_.stream = &backend;
  for (Half* half : {&client_, &backend_}) {
    half->bytes = 0;
    half->has_ended = half->has_failed = half->pauses_other = half->is_muted = false;
    half->frames = {};
  }
  client_.pass(from_client);
  backend_.pass(from_backend);
  client.listen(client_);
  backend.listen(backend_);
  for (const net::Pause reason : {net::Pause::exchange, net::Pause::peer_full, net::Pause::owner})
    client.resume(reason);
  if (client_has_ended) client_.on_end();
}

void Tunnel::stop() {
  is_open_ = false;
  call_off();
}

void Tunnel::Half::pass(std::string_view read) {
  if (read.empty()) return;
  bytes += read.size();
  if (tunnel.is_websocket_) {
    if (is_muted || (tunnel.is_leaving_ && !frames.has_closed())) return pass_last_frame(read);
    frames.pass(read);
  }
  other->stream->write(read);
  if (other->pauses_other || !other->stream->is_full()) return;
  other->pauses_other = true;
  stream->pause(net::Pause::lossless);
}

void Tunnel::Half::pass_last_frame(std::string_view read) {
  if (!is_muted) {
    const size_t size = frames.to_frame_end(read);
    other->stream->write(read.substr(0, size));
    read.remove_prefix(size);
    if (frames.is_between_frames()) say_goodbye();
  }
  frames.pass(read);
  if (frames.has_closed()) on_frames_closed();
}

void Tunnel::Half::say_goodbye() {
  if (has_ended || is_muted || frames.has_closed()) return;
  is_muted = true;
  constexpr uint16_t going_away = 1001;
  std::string frame;
  if (other == &tunnel.client_) {
    http::append_close_frame(frame, going_away);
  } else {
    // The mask guards proxies against chosen bytes (RFC 6455 section 10.3); these are always the
    // same.
    const auto mask = tunnel.bench_.loop.now().time_since_epoch().count();
    http::append_masked_close_frame(frame, going_away, static_cast<uint32_t>(mask));
  }
  other->stream->write(frame);
}

// It has had its last word too.
void Tunnel::Half::on_frames_closed() {
  if (has_ended) return;
  has_ended = true;
  tunnel.end_if_done();
}

void Tunnel::send_away() {
  if (!is_open_ || !is_websocket_ || is_leaving_) return;
  is_leaving_ = true;
  bench_.metrics.websockets_sent_away.add();
  for (Half* half : {&client_, &backend_}) {
    if (half->frames.is_between_frames()) half->say_goodbye();
  }
}

void Tunnel::Half::on_read(std::span<char> read) {
  if (tunnel.is_open_) pass({read.data(), read.size()});
}

void Tunnel::Half::on_end() {
  if (!tunnel.is_open_ || has_ended) return;
  has_ended = true;
  other->stream->shutdown();
  tunnel.end_if_done();
}

void Tunnel::Half::on_failure(const Error&) {
  if (!tunnel.is_open_) return;
  // What it said before still goes to the other side; what that one says has nowhere to go.
  has_failed = has_ended = true;
  other->has_ended = true;
  other->stream->shutdown();
  tunnel.end_if_done();
}

void Tunnel::Half::on_drained() {
  if (!tunnel.is_open_ || !pauses_other) return;
  pauses_other = false;
  other->stream->resume(net::Pause::lossless);
}

void Tunnel::end_if_done() {
  if (!client_.has_ended || !backend_.has_ended) return;
  if ((client_.is_sending() || backend_.is_sending()) &&
      ++linger_rounds_ <= tunnel_linger_rounds_max) {
    bench_.lingering.arm(*this);
    return;
  }
  end();
}

void Tunnel::on_deadline() { end_if_done(); }

void Tunnel::end() {
  stop();
  exchange_.on_tunnel_end();
}

}  // namespace causeway::router
