#include "router/front/arrival.h"

#include <string>
#include <utility>

#include "router/front/forwarded_certificate.h"

namespace causeway::router {
namespace {

ClientCertFormat format_of(const std::string& domain, const Settings& settings) {
  for (const MtlsDomain& each : settings.mtls_domains) {
    if (each.name == domain) return each.format;
  }
  return ClientCertFormat::raw;
}

}  // namespace

Arrival::Arrival(Front& front, std::unique_ptr<net::Stream> stream, Entrance entrance, size_t place)
    : front_(front), place_(place), stream_(std::move(stream)) {
  facts_.address = stream_->peer();
  facts_.entrance = entrance;
}

void Arrival::begin() {
  if (!front_.settings_.proxy_protocol.expects_header_from(facts_.address)) return after_header({});
  // Silence is no fault before the first byte: it may last as long as on any connection.
  if (const Duration idle = front_.settings_.frontend_idle_timeout; idle > Duration::zero()) {
    header_timer_ = std::make_unique<net::Timer>(front_.loop_);
    header_timer_->once(idle, [this] { end(); });
  }
  stream_->listen(*this);
}

void Arrival::on_read(std::span<char> bytes) {
  using Step = net::ProxyHeaderReader::Step;
  const std::string_view view(bytes.data(), bytes.size());
  const auto [step, taken] = header_.feed(view);
  switch (step) {
    case Step::more:
      if (std::exchange(has_begun_, true)) return;
      if (header_timer_ == nullptr) header_timer_ = std::make_unique<net::Timer>(front_.loop_);
      header_timer_->once(front_.settings_.proxy_protocol.header_timeout,
                          [this] { refuse_header("it did not come in time"); });
      return;
    case Step::done:
      if (header_.header().has_addresses) facts_.address = header_.header().client;
      return after_header(view.substr(taken));
    case Step::absent: {
      std::string all(header_.begun());
      return after_header(all.append(view));
    }
    case Step::bad:
      return refuse_header(header_.reason());
  }
}

void Arrival::refuse_header(std::string_view reason) {
  front_.note_refused_header(facts_.address, reason);
  end();
}

void Arrival::after_header(std::string_view rest) {
  if (facts_.entrance == Entrance::plain) return go_on(std::move(stream_), rest);
  if (header_timer_ != nullptr) header_timer_->disarm();
  if (front_.may_shake(*this)) return shake_hands(rest);
  wait_for_turn(rest);
}

// What the client says meanwhile stays in the kernel.
void Arrival::wait_for_turn(std::string_view first_bytes) {
  first_bytes_ = first_bytes;
  stream_->pause(net::Pause::owner);
  const Duration longest = front_.settings_.frontend_handshake_timeout;
  if (longest == Duration::zero()) return;
  turn_timer_ = std::make_unique<net::Timer>(front_.loop_);
  turn_timer_->once(longest, [this] {
    front_.metrics_.handshakes_timed_out.add();
    end();
  });
}

void Arrival::on_turn() {
  turn_timer_.reset();
  stream_->resume(net::Pause::owner);
  shake_hands(first_bytes_);
}

void Arrival::shake_hands(std::string_view first_bytes) {
  handshake_ = tls::Handshake::accept(
      std::move(stream_), *front_.tls_,
      {.timeout = front_.settings_.frontend_handshake_timeout, .first_bytes = first_bytes},
      [this](Result<tls::Secured> secured) { on_secured(std::move(secured)); });
}

void Arrival::on_secured(Result<tls::Secured> secured) {
  FrontMetrics& metrics = front_.metrics_;
  if (!secured) {
    (secured.error().fault == Fault::timeout ? metrics.handshakes_timed_out
                                             : metrics.handshakes_failed)
        .add();
    return end();
  }
  (secured->is_resumed ? metrics.handshakes_resumed : metrics.handshakes_full).add();
  auto facts = std::make_unique<TlsFacts>();
  facts->version = secured->version;
  facts->cipher = secured->cipher;
  facts->server_name = std::move(secured->server_name);
  facts->is_resumed = secured->is_resumed;
  facts->domain = std::move(secured->domain);
  if (secured->peer != nullptr)
    facts->forwarded_certificate =
        forwarded_certificate(*secured->peer, format_of(facts->domain, front_.settings_));
  facts_.tls = std::move(facts);
  facts_.speaks_http2 = secured->protocol == "h2";
  go_on(std::move(secured->stream), {});
}

void Arrival::go_on(std::unique_ptr<net::Stream> stream, std::string_view first_bytes) {
  if (header_timer_ != nullptr) header_timer_->disarm();
  ClientFacts facts = std::move(facts_);
  Front& front = front_;
  front.remove(*this);  // buried: it lives until this callback is over
  front.on_client_(std::move(stream), std::move(facts), first_bytes);
}

void Arrival::end() {
  if (header_timer_ != nullptr) header_timer_->disarm();
  if (turn_timer_ != nullptr) turn_timer_->disarm();
  stream_.reset();
  front_.remove(*this);
}

}  // namespace causeway::router
