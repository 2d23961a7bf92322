#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/h1_parser.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"
#include "rpc/client.h"
#include "rpc/dialer.h"
#include "rpc/event_stream.h"
#include "rpc/url.h"

namespace causeway::rpc {

// A server-sent event stream on a connection of its own. Owner: SubscriptionHandle, which buries
// it. Thread: its loop's. Ends when the subscriber drops the handle; it is silent after on_close.
class Subscription final : net::Stream::Events, http::ReplyParser::Events {
 public:
  Subscription(net::Loop& loop, Call call, Result<Url> url, Dialer::Options dialing,
               Client::StreamEvents events);
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Detaches: nothing is called afterwards.
  void end();
  net::Loop& loop() { return loop_; }

 private:
  void on_read(std::span<char> bytes) override;
  void on_end() override;
  void on_failure(const Error& error) override;
  void on_reply(http::ReplyHead& head) override;
  void on_reply_body(std::string_view bytes) override;
  void on_reply_end(const http::Headers& trailers) override;

  void dialled(Result<std::unique_ptr<net::Stream>> stream);
  void refuse(Error error);
  // Tells the subscriber, once.
  void close(Error error);

  net::Loop& loop_;
  const Call call_;
  Client::StreamEvents events_;
  Url url_;
  bool has_ended_ = false;
  bool is_open_ = false;
  int refused_status_ = 0;        // the server answered, but not with a stream
  std::string refused_body_;      // its beginning
  std::optional<Error> refusal_;  // found inside a parser event
  EventStreamParser event_parser_;
  Arena arena_;
  http::ReplyParser parser_;
  net::Timer deadline_;  // until the head
  std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<net::Stream> stream_;
};

// What the subscriber owns.
class SubscriptionHandle final : public Client::EventStream {
 public:
  explicit SubscriptionHandle(std::unique_ptr<Subscription> subscription);
  ~SubscriptionHandle() override;

 private:
  std::unique_ptr<Subscription> subscription_;
};

}  // namespace causeway::rpc
