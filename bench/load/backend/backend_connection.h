#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/rng.h"
#include "bench/load/backend/backend.h"
#include "bench/load/backend/backend_act.h"
#include "http/h1_parser.h"
#include "net/stream.h"
#include "net/timer.h"

namespace causeway::load {

class BackendClient;

// The worker, as its clients see it.
class BackendOwner {
 public:
  virtual void release(BackendClient& client) = 0;
  virtual void count_request() = 0;
  // The client has begun to speak HTTP/2: its stream, with what was read of it, goes to another
  // object, and `client` is released.
  virtual void turn_to_http2(BackendClient& client, std::unique_ptr<net::Stream> stream,
                             std::string first) = 0;

 protected:
  ~BackendOwner() = default;
};

// Anything that serves one connection. Owner: its worker.
class BackendClient {
 public:
  BackendClient() = default;
  BackendClient(const BackendClient&) = delete;
  BackendClient& operator=(const BackendClient&) = delete;
  virtual ~BackendClient() = default;

  size_t index = 0;  // its place in the owner's list
};

// One client of a backend. Requests are answered one after the other; what a client sends meanwhile
// waits. Owner: its worker, which buries it at release(). Thread: the worker's.
class BackendConnection final : public BackendClient,
                                net::Stream::Events,
                                http::RequestParser::Events {
 public:
  // What connections of one worker share.
  struct Shared {
    net::Loop& loop;
    const BackendOptions& options;
    Rng rng;
    std::string standard_reply;  // whole, when size and delay are fixed and the body is small;
                                 // otherwise empty
  };
  BackendConnection(Shared& shared, BackendOwner& owner, std::unique_ptr<net::Stream> stream);
  BackendConnection(const BackendConnection&) = delete;
  BackendConnection& operator=(const BackendConnection&) = delete;

 private:
  enum class Phase : uint8_t {
    reading,
    waiting,
    sending,
    hanging,
    websocket,
    tcp,
    source,
    closing
  };
  enum class Ending : uint8_t { whole, reset, fin, half_open };

  void take_first(std::string_view bytes);
  void take(std::string_view bytes);
  void answer();
  void act(const BackendAct& act);
  void start_head(uint64_t promised);
  void reply_bytes(uint64_t bytes, uint64_t promised, Ending ending);
  void reply_chunked(uint64_t bytes, bool with_trailers);
  void reply_later(uint64_t bytes, Duration delay);
  void reply_text(uint16_t status, std::string_view body);
  void start_drip(uint64_t bytes, Duration time);
  // Sends as much of the body as the stream takes.
  void pump();
  void finish_body();
  void finish_reply();
  // A source's bytes, until the stream is full or has had its turn.
  void pour();
  void shake_hands();
  void take_frames(std::string_view bytes);
  void close();

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_drained() override;
  void on_request(http::RequestHead& head) override;
  void on_request_body(std::string_view bytes) override;
  void on_request_end(const http::Headers& trailers) override;

  Shared& shared_;
  BackendOwner& owner_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<net::Timer> timer_;  // made when first needed
  Arena arena_;
  http::RequestParser parser_;
  Phase phase_ = Phase::reading;
  Ending ending_ = Ending::whole;
  bool is_chunked_ = false;
  bool has_trailers_ = false;
  bool is_head_ = false;  // the request is HEAD: no body
  bool has_ended_ = false;
  bool has_spoken_ = false;  // it is HTTP/1, or something like it
  std::string first_;        // what came until that was known
  uint64_t body_left_ = 0;
  std::string out_;
  std::string waiting_;  // requests, or frames, that are not complete or not due
  std::string echo_;
};

}  // namespace causeway::load
