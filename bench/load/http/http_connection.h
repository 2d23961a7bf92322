#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/arena.h"
#include "bench/load/drive/kept_place.h"
#include "bench/load/http/http_plan.h"
#include "http/h1_parser.h"
#include "net/stream.h"

namespace causeway::load {

// A place that asks over HTTP/1.1: connects when it has to, sends a request, reads its reply, and
// keeps the connection for the next one. Owner, thread: as Place.
class HttpConnection final : public KeptPlace, http::ReplyParser::Events {
 public:
  // Asks for the plan's requests to `address` in rotation; `cursor` counts those of the worker.
  HttpConnection(Dialer& dialer, const HttpPlan& plan, Place::Events& events, size_t address,
                 size_t& cursor);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

 private:
  void begin() override;
  void finish_reply();

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view bytes) override;
  void on_reply_end(const http::Headers& trailers) override;

  const HttpPlan& plan_;
  size_t& cursor_;
  uint16_t status_ = 0;
  bool keep_alive_ = false;
  Arena arena_;
  http::ReplyParser parser_;
};

}  // namespace causeway::load
