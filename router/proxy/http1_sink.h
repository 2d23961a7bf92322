#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/stream.h"
#include "router/proxy/relay.h"

namespace causeway::router {

struct SendBatch;

// An HTTP/1 message on its way to one stream: head, body pieces and chunk frames of one turn leave
// in one write. Nothing is copied unless the kernel does not take it. Owner: whoever has the
// stream. Thread: its worker's.
class Http1Sink final : public MessageSink {
 public:
  // `batch`: shared by all sinks of that direction, empty between turns.
  explicit Http1Sink(SendBatch& batch) : batch_(batch) {}
  Http1Sink(const Http1Sink&) = delete;
  Http1Sink& operator=(const Http1Sink&) = delete;

  enum class Framing : uint8_t { as_is, chunked };
  // A message begins: answers where its head's text is to be appended, before anything else is
  // done with this batch.
  std::string& begin(net::Stream& destination, Framing framing);

  void add_body(std::string_view bytes) override;
  void add_end(const http::Headers& trailers) override;
  void flush() override;
  void drop() override;
  bool is_full() const override { return destination_->is_full(); }

 private:
  SendBatch& batch_;
  net::Stream* destination_ = nullptr;
  Framing framing_ = Framing::as_is;
};

// A stream as the source of a message's bytes. Owner: whoever has the stream.
class StreamSource final : public MessageSource {
 public:
  StreamSource& of(net::Stream& stream) {
    stream_ = &stream;
    return *this;
  }
  void pause_body() override { stream_->pause(net::Pause::peer_full); }
  void resume_body() override { stream_->resume(net::Pause::peer_full); }

 private:
  net::Stream* stream_ = nullptr;
};

// May a trailer of that name be passed on? A peer that mixes trailers with header fields must not
// take the other's word for the router's.
bool is_trailer_passed(std::string_view name);

}  // namespace causeway::router
