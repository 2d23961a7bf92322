#include "router/proxy/relay.h"

#include "base/check.h"
#include "router/proxy/workbench.h"

namespace causeway::router {
namespace {

// A body this small is copied behind its head: one piece is cheaper to send than two.
constexpr size_t copied_bytes_max = 2048;

}  // namespace

void Relay::begin(net::Stream& source, net::Stream& destination, Framing framing) {
  DCHECK(batch_.pieces.empty());
  end();
  source_ = &source;
  destination_ = &destination;
  framing_ = framing;
  body_bytes_ = 0;
}

void Relay::end() {
  if (is_source_paused_) source_->resume(net::Pause::peer_full);
  is_source_paused_ = false;
  if (destination_ != nullptr) batch_.clear();
  source_ = destination_ = nullptr;
}

void Relay::add_head() {
  batch_.pieces.push_back(batch_.head);
  batch_.has_head = true;
}

void Relay::add_body(std::string_view bytes) {
  if (bytes.empty()) return;
  body_bytes_ += bytes.size();
  if (framing_ == Framing::as_is) {
    if (batch_.has_head && batch_.pieces.size() == 1 && bytes.size() <= copied_bytes_max) {
      batch_.head.append(bytes);
    } else {
      batch_.pieces.push_back(bytes);
    }
    return;
  }
  if (batch_.chunks == batch_.chunk_heads.size()) flush();
  http::ChunkHead& head = batch_.chunk_heads[batch_.chunks++];
  head = http::chunk_head(bytes.size());
  batch_.pieces.push_back(head.view());
  batch_.pieces.push_back(bytes);
  batch_.pieces.push_back(http::kChunkEnd);
}

void Relay::add_end(const http::Headers& trailers) {
  if (framing_ == Framing::as_is) return;
  if (trailers.empty()) {
    batch_.pieces.push_back(http::kLastChunk);
    return;
  }
  batch_.tail.clear();
  http::append_last_chunk(batch_.tail, trailers);
  batch_.pieces.push_back(batch_.tail);
}

void Relay::flush() {
  if (destination_ == nullptr || batch_.pieces.empty()) return;
  if (batch_.has_head) batch_.pieces.front() = batch_.head;  // it may have grown and moved
  destination_->write(batch_.pieces);
  batch_.clear();
  if (!is_source_paused_ && destination_->is_full()) {
    is_source_paused_ = true;
    source_->pause(net::Pause::peer_full);
  }
}

void Relay::on_drained() {
  if (!is_source_paused_) return;
  is_source_paused_ = false;
  source_->resume(net::Pause::peer_full);
}

}  // namespace causeway::router
