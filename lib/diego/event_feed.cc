#include "diego/event_feed.h"

#include <algorithm>
#include <utility>

namespace causeway::diego {

namespace {

rpc::Client::Options stream_options(rpc::Identity* identity) {
  rpc::Client::Options options;
  options.identity = identity;
  return options;
}

}  // namespace

EventFeed::EventFeed(net::Loop& loop, rpc::Call call, Options options, Events events,
                     OnEvent on_event)
    : client_(loop, stream_options(options.identity)),
      call_(std::move(call)),
      options_(options),
      events_(std::move(events)),
      on_event_(std::move(on_event)),
      wait_(options.first_wait),
      pause_(loop) {
  open();
}

void EventFeed::open() {
  rpc::Call call = call_;
  call.timeout = options_.open_timeout;
  stream_ = client_.subscribe(std::move(call),
                              {.on_open =
                                   [this] {
                                     is_open_ = true;
                                     is_retrying_ = false;
                                     wait_ = options_.first_wait;
                                     if (events_.on_open) events_.on_open();
                                   },
                               .on_event = [this](std::string_view, std::string_view type,
                                                  std::string_view data) { take(type, data); },
                               .on_close = [this](const Error& error) { lose(error); }});
}

void EventFeed::take(std::string_view type, std::string_view data) {
  if (auto taken = on_event_(type, data); !taken) lose(taken.error());
}

void EventFeed::lose(const Error& error) {
  stream_.reset();
  const bool was_open = std::exchange(is_open_, false);
  pause_.once(wait_, [this] { open(); });
  wait_ = std::min(wait_ * 2, options_.wait_max);
  if ((was_open || !std::exchange(is_retrying_, true)) && events_.on_lost) {
    is_retrying_ = true;
    events_.on_lost(error);
  }
}

}  // namespace causeway::diego
