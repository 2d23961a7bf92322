#include "rpc/subscription.h"

#include <array>
#include <utility>

#include "rpc/client_connection.h"

namespace causeway::rpc {

namespace {

constexpr http::HeadLimits kStreamHeadLimits{.head_bytes_max = 64u << 10, .headers_max = 1000};
// One event: a desired LRP before and after, in base64, with the largest routes and environment in
// use, many times over.
constexpr size_t kEventBytesMax = 16u << 20;
constexpr size_t kRefusedBodyBytesMax = 512;
// A stream may be silent for hours; a peer that vanished without a word is noticed all the same.
constexpr Duration kKeepAliveProbe = std::chrono::seconds(10);

}  // namespace

Subscription::Subscription(net::Loop& loop, Call call, Result<Url> url, Dialer::Options dialing,
                           Client::StreamEvents events)
    : loop_(loop),
      call_(std::move(call)),
      events_(std::move(events)),
      event_parser_(kEventBytesMax,
                    [this](std::string_view id, std::string_view event, std::string_view data) {
                      if (events_.on_event) events_.on_event(id, event, data);
                      return !has_ended_;
                    }),
      parser_(arena_, kStreamHeadLimits, *this),
      deadline_(loop) {
  if (!url) {
    deadline_.once(Duration::zero(), [this, error = std::move(url).error()] { close(error); });
    return;
  }
  url_ = std::move(*url);
  deadline_.once(call_.timeout, [this] {
    close({.fault = Fault::timeout,
           .side = Side::backend,
           .retry = Retry::always,
           .detail = "no reply in time"});
  });
  dialing.keep_alive_probe = kKeepAliveProbe;
  if (!url_.is_tls) dialing.identity = nullptr;
  dialer_ = std::make_unique<Dialer>(
      loop_, url_.host, url_.port, dialing,
      [this](Result<std::unique_ptr<net::Stream>> stream) { dialled(std::move(stream)); });
}

void Subscription::end() {
  has_ended_ = true;
  deadline_.disarm();
  if (stream_ != nullptr) stream_->pause(net::Pause::owner);
}

void Subscription::dialled(Result<std::unique_ptr<net::Stream>> stream) {
  if (has_ended_) return;
  if (!stream) return close(std::move(stream).error());
  stream_ = std::move(*stream);
  parser_.expect(call_.method);
  stream_->listen(*this);
  const bool has_body = !call_.body.empty() || call_.method != "GET";
  const std::string head = request_head(call_, url_, has_body);
  const std::array<std::string_view, 2> pieces{head, call_.body};
  stream_->write(pieces);
}

void Subscription::on_read(std::span<char> bytes) {
  if (has_ended_) return;
  auto used = parser_.feed({bytes.data(), bytes.size()});
  if (has_ended_) return;
  if (!used) {
    Error error = std::move(used).error();
    error.side = Side::backend;
    return close(std::move(error));
  }
  if (refusal_) return close(std::move(*refusal_));
  if (parser_.is_complete()) on_end();
}

void Subscription::on_end() {
  if (has_ended_) return;
  if (refused_status_ != 0) {
    return close({.fault = Fault::unavailable,
                  .side = Side::backend,
                  .detail = "status " + std::to_string(refused_status_) + ": " + refused_body_});
  }
  close({.fault = Fault::closed, .side = Side::backend, .detail = "the stream ended"});
}

void Subscription::on_failure(const Error& error) {
  if (has_ended_) return;
  Error copy = error;
  copy.side = Side::backend;
  close(std::move(copy));
}

void Subscription::on_reply(http::ReplyHead& head) {
  if (head.status < 200 && head.status != 101) return;
  if (head.status != 200) {
    refused_status_ = head.status;
    return;
  }
  const std::string_view type = head.headers.get("Content-Type");
  if (!http::equals_ignoring_case(type.substr(0, type.find(';')), "text/event-stream")) {
    return refuse(
        {.fault = Fault::protocol, .side = Side::backend, .detail = "not an event stream"});
  }
  deadline_.disarm();
  is_open_ = true;
  if (events_.on_open) events_.on_open();
  if (has_ended_) parser_.stop();
}

void Subscription::on_reply_body(std::string_view bytes) {
  if (has_ended_) return;
  if (!is_open_) {
    refused_body_.append(bytes.substr(0, kRefusedBodyBytesMax - refused_body_.size()));
    return;
  }
  auto taken = event_parser_.feed(bytes);
  if (has_ended_) {
    parser_.stop();
  } else if (!taken) {
    refuse(std::move(taken).error());
  }
}

void Subscription::on_reply_end(const http::Headers&) {}

void Subscription::refuse(Error error) {
  refusal_ = std::move(error);
  parser_.stop();
}

void Subscription::close(Error error) {
  if (has_ended_) return;
  end();
  const std::string what = call_.method + " " + call_.url;
  error.detail = error.detail.empty() ? what : what + ": " + error.detail;
  if (stream_ != nullptr) loop_.bury(std::move(stream_));
  // Last: the subscriber may drop us.
  if (events_.on_close) events_.on_close(std::move(error));
}

SubscriptionHandle::SubscriptionHandle(std::unique_ptr<Subscription> subscription)
    : subscription_(std::move(subscription)) {}

SubscriptionHandle::~SubscriptionHandle() {
  net::Loop& loop = subscription_->loop();
  subscription_->end();
  loop.bury(std::move(subscription_));
}

}  // namespace causeway::rpc
