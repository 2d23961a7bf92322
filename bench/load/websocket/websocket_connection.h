#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/rng.h"
#include "bench/load/drive/dial.h"
#include "bench/load/drive/place.h"
#include "bench/load/websocket/websocket_plan.h"
#include "http/h1_parser.h"
#include "http/websocket.h"
#include "net/stream.h"
#include "net/timer.h"

namespace causeway::load {

// The message that all connections of a worker send: masked once, but for its number. Owner: the
// worker's share. Thread: the worker's.
class WebSocketMessage {
 public:
  static constexpr size_t number_bytes_max = 8;

  WebSocketMessage(size_t bytes, uint64_t seed);

  size_t bytes() const { return bytes_; }
  // How many of its first bytes hold the number.
  size_t number_bytes() const { return bytes_ < number_bytes_max ? bytes_ : number_bytes_max; }
  // The head of its frame with the number behind it; gone at the next call.
  std::string_view start(uint64_t number);
  // What follows.
  std::string_view rest() const { return rest_; }
  // A number as its first bytes, unmasked.
  static std::array<char, number_bytes_max> spell(uint64_t number);
  // Draws the key of a connection's opening request.
  std::string new_key();
  void append_masked(std::string& out, http::Opcode opcode, std::string_view payload);

 private:
  size_t bytes_;
  Rng rng_;
  uint8_t mask_[4];
  std::string head_;   // of the frame, with its mask
  std::string start_;  // head and number
  std::string rest_;   // masked
};

// A place that sends messages on a WebSocket and waits for each to come back: connects and upgrades
// when it has to. Owner, thread: as Place.
class WebSocketConnection final : public Place, net::Stream::Events, http::ReplyParser::Events {
 public:
  // `number`: among all connections of the run; decides which target it asks for.
  WebSocketConnection(Dialer& dialer, const WebSocketPlan& plan, Place::Events& events,
                      WebSocketMessage& message, size_t number);
  ~WebSocketConnection() override;

  void open() override;
  void drop() override;

 private:
  enum class Phase : uint8_t { closed, dialing, upgrading, idle, asking };

  void send_unit() override;
  void connect();
  void on_dialed(Result<Dialed> dialed);
  void on_upgraded();
  void ask();
  void fail(Failure failure, const Error& error);
  // Each answers false when the connection has failed or ended.
  bool take_handshake(std::string_view& bytes);
  bool take_head(std::string_view& bytes);
  bool take_payload(std::string_view& bytes);
  bool finish_frame();

  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view) override {}
  void on_reply_end(const http::Headers&) override {}

  Dialer& dialer_;
  const WebSocketPlan& plan_;
  Place::Events& events_;
  WebSocketMessage& message_;
  const HttpPlan::Request& request_;
  Phase phase_ = Phase::closed;
  bool is_opening_ = false;  // ahead of the first message
  uint16_t status_ = 0;
  bool is_accepted_ = false;
  std::string key_;
  std::unique_ptr<Dial> dial_;
  std::unique_ptr<net::Stream> stream_;
  net::Timer deadline_;  // of an opening that nobody else watches
  Arena arena_;
  http::ReplyParser parser_;
  uint64_t number_ = 0;     // of the message in flight
  std::string frame_head_;  // while it is incomplete
  http::FrameHead frame_;
  bool in_frame_ = false;
  uint64_t payload_left_ = 0;
  std::string control_;    // payload of a control frame
  uint64_t received_ = 0;  // of the message that comes back
  bool is_equal_ = true;   // to the one sent, so far
};

}  // namespace causeway::load
