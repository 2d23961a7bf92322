#pragma once

#include "http/headers.h"
#include "http2/client_session.h"
#include "router/proxy/relay.h"

namespace causeway::router {

// Both directions of an exchange on a backend's HTTP/2 stream: the sink of the request, the source
// of the reply. What is gathered is with the stream at once; it leaves with what all streams of the
// connection say in this turn. Owner: the attempt. Thread: its worker's.
class Http2Leg final : public MessageSink, public MessageSource {
 public:
  Http2Leg() = default;
  Http2Leg(const Http2Leg&) = delete;
  Http2Leg& operator=(const Http2Leg&) = delete;

  // `has_body`: the request does not end with its head.
  void begin(http2::ClientStream& stream, bool has_body);
  // Knows no stream any more.
  void end() { stream_ = nullptr; }

  void add_body(std::string_view bytes) override;
  void add_end(const http::Headers& trailers) override;
  void flush() override {}
  void drop() override {}
  bool is_full() const override { return stream_ != nullptr && stream_->is_full(); }
  void pause_body() override;
  void resume_body() override;

 private:
  http2::ClientStream* stream_ = nullptr;
  bool has_body_ = false;
};

}  // namespace causeway::router
