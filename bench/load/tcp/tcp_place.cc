#include "bench/load/tcp/tcp_place.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::load {
namespace {

constexpr size_t write_bytes = 64u << 10;

std::string_view block_filler() {
  static const std::string bytes(write_bytes, 'b');
  return bytes;
}

const Error ended_early{.fault = Fault::closed, .side = Side::backend};

}  // namespace

ConnectPlace::ConnectPlace(Dialer& dialer, const TcpPlan& plan, Place::Events& events,
                           size_t address)
    : dialer_(dialer), plan_(plan), events_(events), address_(address) {}

ConnectPlace::~ConnectPlace() = default;

void ConnectPlace::open() { CHECK(false); }  // such a plan opens nothing ahead

void ConnectPlace::send_unit() {
  dial_ = std::make_unique<Dial>(dialer_, address_,
                                 [this](Result<Dialed> dialed) { on_dialed(std::move(dialed)); });
}

void ConnectPlace::on_dialed(Result<Dialed> dialed) {
  dial_.reset();
  if (!dialed) return events_.on_failed(*this, failure_of(dialed.error(), true), dialed.error());
  stream_ = std::move(dialed->stream);
  events_.on_connected(dialed->facts);
  if (!plan_.round_trip) return finish();
  stream_->listen(*this);
  events_.on_traffic(0, 1);
  stream_->write("b");
}

void ConnectPlace::finish() {
  if (plan_.resets) stream_->abort_on_close();
  stream_.reset();
  events_.on_replied(*this, 0);
}

void ConnectPlace::drop() {
  dial_.reset();
  stream_.reset();
}

void ConnectPlace::fail(const Error& error) {
  drop();
  events_.on_failed(*this, failure_of(error, false), error);
}

void ConnectPlace::on_read(std::span<char> bytes) {
  events_.on_traffic(bytes.size(), 0);
  finish();
}

void ConnectPlace::on_end() { fail(ended_early); }

void ConnectPlace::on_failure(const Error& error) { fail(error); }

BlockPlace::BlockPlace(Dialer& dialer, const TcpPlan& plan, Place::Events& events, size_t address)
    : KeptPlace(dialer, events, address), plan_(plan), turn_(dialer.loop) {}

BlockPlace::~BlockPlace() = default;

// What a source sends before it is asked for waits in the kernel.
void BlockPlace::prepare(net::Stream& stream) {
  if (plan_.mode == TcpOptions::Mode::receive) stream.pause(net::Pause::exchange);
}

void BlockPlace::begin() {
  to_write_ = plan_.mode == TcpOptions::Mode::receive ? 0 : plan_.block_bytes;
  to_read_ = plan_.mode == TcpOptions::Mode::send ? 0 : plan_.block_bytes;
  if (plan_.mode == TcpOptions::Mode::receive) return stream_->resume(net::Pause::exchange);
  write_some();
}

void BlockPlace::write_some() {
  while (to_write_ > 0 && !stream_->is_full()) {
    const size_t count = std::min(to_write_, write_bytes);
    stream_->write(block_filler().substr(0, count));
    to_write_ -= count;
    events_.on_traffic(0, count);
  }
  if (to_write_ > 0 || to_read_ > 0 || stream_->is_full()) return;  // on_drained or on_read goes on
  turn_.once(Duration::zero(), [this] { finish(); });
}

void BlockPlace::finish() {
  phase_ = Phase::idle;
  if (plan_.mode == TcpOptions::Mode::receive) stream_->pause(net::Pause::exchange);
  events_.on_replied(*this, 0);
}

void BlockPlace::drop() {
  turn_.disarm();
  KeptPlace::drop();
}

void BlockPlace::on_read(std::span<char> bytes) {
  events_.on_traffic(bytes.size(), 0);
  size_t left = bytes.size();
  if (plan_.mode == TcpOptions::Mode::send) return;  // what a server says to a sender is not ours
  while (left > 0) {
    if (phase_ != Phase::busy) {
      // A source's bytes beyond the block: they will do for the next one, in step with the rate.
      if (plan_.mode == TcpOptions::Mode::receive) return;
      return fail(Failure::protocol, {.fault = Fault::protocol, .detail = "bytes not asked for"});
    }
    const size_t count = std::min(left, to_read_);
    left -= count;
    to_read_ -= count;
    if (to_read_ > 0 || to_write_ > 0) continue;
    finish();
    if (!stream_) return;
  }
}

void BlockPlace::on_end() { fail(Failure::closed, ended_early); }

void BlockPlace::on_failure(const Error& error) { fail(failure_of(error, false), error); }

void BlockPlace::on_drained() {
  if (phase_ == Phase::busy) write_some();
}

}  // namespace causeway::load
