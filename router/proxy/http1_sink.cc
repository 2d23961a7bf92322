#include "router/proxy/http1_sink.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "http/h1_chunked.h"
#include "router/workbench/workbench.h"

namespace causeway::router {
namespace {

// A body this small is copied behind its head: one piece is cheaper to send than two.
constexpr size_t copied_bytes_max = 2048;

}  // namespace

bool is_trailer_passed(std::string_view name) {
  constexpr std::string_view reserved[] = {"x-forwarded-", "x-cf-", "x-vcap-", "forwarded",
                                           "cookie"};
  // The parser of HTTP/1 leaves them out; HTTP/2 knows no such rule.
  if (http::is_forbidden_trailer(name)) return false;
  return std::none_of(std::begin(reserved), std::end(reserved), [name](std::string_view prefix) {
    return name.size() >= prefix.size() &&
           http::equals_ignoring_case(name.substr(0, prefix.size()), prefix);
  });
}

std::string& Http1Sink::begin(net::Stream& destination, Framing framing) {
  DCHECK(batch_.pieces.empty());
  destination_ = &destination;
  framing_ = framing;
  batch_.head.clear();
  batch_.pieces.push_back(batch_.head);
  batch_.has_head = true;
  return batch_.head;
}

void Http1Sink::drop() {
  if (destination_ != nullptr) batch_.clear();
  destination_ = nullptr;
}

void Http1Sink::add_body(std::string_view bytes) {
  if (bytes.empty()) return;
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

void Http1Sink::add_end(const http::Headers& trailers) {
  if (framing_ == Framing::as_is) return;
  if (trailers.empty()) {
    batch_.pieces.push_back(http::kLastChunk);
    return;
  }
  batch_.tail.assign("0\r\n");
  for (const http::Header& line : trailers) {
    if (is_trailer_passed(line.name)) http::append_header(batch_.tail, line.name, line.value);
  }
  batch_.tail.append("\r\n");
  batch_.pieces.push_back(batch_.tail);
}

void Http1Sink::flush() {
  if (destination_ == nullptr || batch_.pieces.empty()) return;
  if (batch_.has_head) batch_.pieces.front() = batch_.head;  // it may have grown and moved
  destination_->write(batch_.pieces);
  batch_.clear();
}

}  // namespace causeway::router
