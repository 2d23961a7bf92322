#include "bench/load/drive/kept_place.h"

#include <utility>

#include "base/check.h"

namespace causeway::load {

void KeptPlace::open() {
  CHECK(phase_ == Phase::closed);
  phase_ = Phase::opening;
  connect();
}

void KeptPlace::send_unit() {
  CHECK(phase_ == Phase::closed || phase_ == Phase::idle);
  if (stream_) return start();
  phase_ = Phase::connecting;
  connect();
}

void KeptPlace::start() {
  phase_ = Phase::busy;
  begin();
}

void KeptPlace::connect() {
  dial_ = std::make_unique<Dial>(dialer_, address_,
                                 [this](Result<Dialed> dialed) { on_dialed(std::move(dialed)); });
}

void KeptPlace::on_dialed(Result<Dialed> dialed) {
  dial_.reset();
  const bool was_opening = phase_ == Phase::opening;
  if (!dialed) {
    const Error error = dialed.error();
    phase_ = Phase::closed;
    if (was_opening) return events_.on_opened(*this, &error);
    return events_.on_failed(*this, failure_of(error, true), error);
  }
  stream_ = std::move(dialed->stream);
  prepare(*stream_);
  stream_->listen(*this);
  events_.on_connected(dialed->facts);
  if (!was_opening) return start();
  phase_ = Phase::idle;
  events_.on_opened(*this, nullptr);
}

void KeptPlace::drop() {
  dial_.reset();
  stream_.reset();
  phase_ = Phase::closed;
}

void KeptPlace::fail(Failure failure, const Error& error) {
  const bool was_busy = phase_ == Phase::busy;
  const Error copy = error;
  drop();
  if (!was_busy) return events_.on_dropped(copy);
  events_.on_failed(*this, failure, copy);
}

}  // namespace causeway::load
