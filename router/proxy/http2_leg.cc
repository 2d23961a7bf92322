#include "router/proxy/http2_leg.h"

#include "router/proxy/http1_sink.h"

namespace causeway::router {

void Http2Leg::begin(http2::ClientStream& stream, bool has_body) {
  stream_ = &stream;
  has_body_ = has_body;
}

void Http2Leg::add_body(std::string_view bytes) {
  if (stream_ != nullptr && has_body_) stream_->write(bytes);
}

void Http2Leg::add_end(const http::Headers& trailers) {
  if (stream_ == nullptr || !has_body_) return;
  has_body_ = false;
  if (trailers.empty()) return stream_->end_request(trailers);
  http::Headers passed;
  for (const http::Header& line : trailers) {
    if (is_trailer_passed(line.name)) passed.add(line.name, line.value);
  }
  stream_->end_request(passed);
}

void Http2Leg::pause_body() {
  if (stream_ != nullptr) stream_->pause_reply();
}

void Http2Leg::resume_body() {
  if (stream_ != nullptr) stream_->resume_reply();
}

}  // namespace causeway::router
