#include "router/proxy/relay.h"

#include "base/check.h"

namespace causeway::router {

void Relay::begin(MessageSource& source, MessageSink& sink) {
  DCHECK(!is_active());
  source_ = &source;
  sink_ = &sink;
  body_bytes_ = 0;
}

void Relay::end() {
  if (is_source_paused_) source_->resume_body();
  is_source_paused_ = false;
  if (sink_ != nullptr) sink_->drop();
  source_ = nullptr;
  sink_ = nullptr;
}

void Relay::flush() {
  if (sink_ == nullptr) return;
  sink_->flush();
  if (!is_source_paused_ && sink_->is_full()) {
    is_source_paused_ = true;
    source_->pause_body();
  }
}

void Relay::on_drained() {
  if (!is_source_paused_) return;
  is_source_paused_ = false;
  source_->resume_body();
}

}  // namespace causeway::router
