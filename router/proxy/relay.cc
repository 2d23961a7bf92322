#include "router/proxy/relay.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "router/proxy/workbench.h"

namespace causeway::router {
namespace {

// A body this small is copied behind its head: one piece is cheaper to send than two.
constexpr size_t copied_bytes_max = 2048;

// A backend that mixes trailers with header fields must not take a client's word for the router's.
bool is_reserved(std::string_view name) {
  constexpr std::string_view prefixes[] = {"x-forwarded-", "x-cf-", "x-vcap-", "forwarded",
                                           "cookie"};
  return std::any_of(std::begin(prefixes), std::end(prefixes), [name](std::string_view prefix) {
    return name.size() >= prefix.size() &&
           http::equals_ignoring_case(name.substr(0, prefix.size()), prefix);
  });
}

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
  batch_.tail.assign("0\r\n");
  for (const http::Header& line : trailers) {
    if (!is_reserved(line.name)) http::append_header(batch_.tail, line.name, line.value);
  }
  batch_.tail.append("\r\n");
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
