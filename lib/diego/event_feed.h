#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/timer.h"
#include "rpc/client.h"

namespace causeway::net {
class Loop;
}

namespace causeway::diego {

// A server-sent event stream that is opened anew for ever. The BBS keeps no history: whoever
// follows fetches the whole state in on_open, every time, and applies the events after it. Owner: a
// service, which does not end it inside its callbacks. Thread: its loop's.
class EventFeed {
 public:
  struct Options {
    Duration open_timeout = std::chrono::seconds(10);
    Duration first_wait =
        std::chrono::milliseconds(50);  // before it is opened again; doubles while that fails
    Duration wait_max = std::chrono::seconds(1);
    rpc::Identity* identity = nullptr;  // for https; outlives the feed
  };
  struct Events {
    std::function<void()> on_open =
        {};  // events come from now on; whatever was before may have been missed
    std::function<void(const Error&)> on_lost =
        {};  // it was open, or the first of several attempts failed
  };
  // A failure (an event that does not decode) closes the stream: on_lost, then it is opened again.
  using OnEvent = std::function<Result<void>(std::string_view type, std::string_view data)>;

  EventFeed(net::Loop& loop, rpc::Call call, Options options, Events events, OnEvent on_event);
  EventFeed(const EventFeed&) = delete;
  EventFeed& operator=(const EventFeed&) = delete;

  bool is_open() const { return is_open_; }

 private:
  void open();
  void take(std::string_view type, std::string_view data);
  void lose(const Error& error);

  rpc::Client client_;
  const rpc::Call call_;
  const Options options_;
  const Events events_;
  const OnEvent on_event_;
  Duration wait_;
  bool is_open_ = false;
  bool is_retrying_ = false;  // the failure has been told
  net::Timer pause_;
  std::unique_ptr<rpc::Client::EventStream> stream_;
};

}  // namespace causeway::diego
