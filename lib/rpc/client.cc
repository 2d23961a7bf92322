#include "rpc/client.h"

#include <map>
#include <utility>

#include "http/headers.h"
#include "net/loop.h"
#include "rpc/client_connection.h"
#include "rpc/host_pool.h"
#include "rpc/subscription.h"
#include "rpc/url.h"

namespace causeway::rpc {

// The pools by "https://host:port". Owner: Client, which buries it: a callback may end the client.
struct Client::State {
  State(net::Loop& loop, Options options) : shared{loop, options} {}

  void fail(OnReply on_reply, Error error) {
    shared.loop.defer([this, on_reply = std::move(on_reply), error = std::move(error)]() mutable {
      if (!has_ended) on_reply(std::move(error));
    });
  }

  PoolShared shared;
  bool has_ended = false;
  std::map<std::string, std::unique_ptr<HostPool>, std::less<>> pools;
};

namespace {

Result<Url> url_of(const Call& call, const Client::Options& options) {
  auto url = parse_url(call.url);
  if (url && url->is_tls && options.identity == nullptr) {
    return Error{.fault = Fault::unsupported,
                 .detail = "url \"" + call.url + "\": https, but no certificates are configured"};
  }
  if (url && !url->is_tls && options.requires_tls) {
    return Error{.fault = Fault::unsupported,
                 .detail = "url \"" + call.url + "\": TLS is required"};
  }
  return url;
}

Result<void> check_lines(const Call& call) {
  const auto is_token = [](std::string_view text) {
    return !text.empty() &&
           text.find_first_of(std::string_view(" \t\r\n:\0", 6)) == std::string_view::npos;
  };
  if (!is_token(call.method)) return Error{.fault = Fault::invalid, .detail = "method"};
  for (const auto& [name, value] : call.headers) {
    if (!is_token(name) ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Error{.fault = Fault::invalid, .detail = "header " + name};
    }
  }
  return {};
}

}  // namespace

std::string_view header_value(const HeaderList& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (http::equals_ignoring_case(key, name)) return value;
  }
  return {};
}

std::string_view Reply::header(std::string_view name) const { return header_value(headers, name); }

Client::Client(net::Loop& loop) : Client(loop, Options{}) {}

Client::Client(net::Loop& loop, Options options) : state_(std::make_unique<State>(loop, options)) {}

Client::~Client() {
  state_->has_ended = true;
  for (auto& [name, pool] : state_->pools) pool->end();
  net::Loop& loop = state_->shared.loop;
  loop.bury(std::move(state_));
}

void Client::send(Call call, OnReply on_reply) {
  auto url = url_of(call, state_->shared.options);
  if (!url) return state_->fail(std::move(on_reply), std::move(url).error());
  if (auto checked = check_lines(call); !checked) {
    return state_->fail(std::move(on_reply), std::move(checked).error());
  }
  PoolShared& shared = state_->shared;
  if (shared.waiting_calls >= shared.options.waiting_calls_max) {
    return state_->fail(std::move(on_reply), {.fault = Fault::limit,
                                              .retry = Retry::always,
                                              .detail = "too many calls wait for a connection"});
  }
  const std::string key =
      (url->is_tls ? "https://" : "http://") + url->host + ":" + std::to_string(url->port);
  std::unique_ptr<HostPool>& pool = state_->pools[key];
  if (pool == nullptr) pool = std::make_unique<HostPool>(shared, *url);
  pool->submit(std::make_unique<PendingCall>(shared.loop, std::move(call), std::move(*url),
                                             std::move(on_reply)));
}

std::unique_ptr<Client::EventStream> Client::subscribe(Call call, StreamEvents events) {
  PoolShared& shared = state_->shared;
  auto url = url_of(call, shared.options);
  Dialer::Options dialing{.timeout = shared.options.connect_timeout,
                          .keep_alive_probe = {},
                          .identity = shared.options.identity};
  if (shared.options.resolve) dialing.resolve = shared.options.resolve;
  return std::make_unique<SubscriptionHandle>(std::make_unique<Subscription>(
      shared.loop, std::move(call), std::move(url), std::move(dialing), std::move(events)));
}

}  // namespace causeway::rpc
