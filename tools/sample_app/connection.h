#pragma once

#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/h1_parser.h"
#include "tools/sample_app/app.h"

namespace causeway::sample {

// One client connection, served with blocking reads and writes until either side ends it.
// Owner and thread: the connection's own thread.
class Connection final : http::RequestParser::Events {
 public:
  // Takes over `descriptor` and closes it.
  Connection(int descriptor, const Identity& identity);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void serve();

 private:
  void on_request(http::RequestHead& head) override;
  void on_request_body(std::string_view bytes) override;
  void on_request_end(const http::Headers& trailers) override;

  bool send_all(std::string_view bytes);
  bool send_answer(const Answer& what, bool keep_alive);
  void serve_websocket(std::string pending);
  bool answer_frames(std::string& pending);

  int descriptor_;
  const Identity& identity_;
  Arena arena_;
  http::RequestParser parser_;
  std::string body_;  // the first kKeptBodyBytes of it
  uint64_t body_bytes_ = 0;
  bool open_ = true;
  bool websocket_ = false;
};

}  // namespace causeway::sample
