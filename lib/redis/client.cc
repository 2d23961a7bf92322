#include "redis/client.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <utility>

#include "net/loop.h"
#include "redis/access.h"
#include "redis/cluster_access.h"
#include "redis/connection.h"
#include "redis/single_access.h"

namespace causeway::redis {
std::unique_ptr<Access> Access::open(net::Loop& loop, const log::Logger& logger,
                                     const Options& options, OnLink on_link) {
  if (options.topology == Topology::cluster)
    return std::make_unique<ClusterAccess>(loop, logger, options, std::move(on_link));
  return std::make_unique<SingleAccess>(loop, logger, options, std::move(on_link));
}

std::string name_of(const Node& node) { return node.host + ":" + std::to_string(node.port); }

Error link_has_gone() {
  return {
      .fault = Fault::unavailable, .side = Side::backend, .detail = "the link has been lost since"};
}

struct Client::State {
  struct Refused {
    OnReply on_reply;
    Error error;
  };
  struct Subscription {
    std::string channel;
    std::function<void(std::string_view)> on_message;
    std::function<void()> on_gap;
  };

  State(net::Loop& given_loop, const log::Logger& given_logger, Options given_options)
      : loop(given_loop),
        logger(given_logger),
        options(std::move(given_options)),
        refusal_timer(loop),
        ping_timer(loop),
        access(Access::open(loop, logger, options, [this](bool connected) {
          if (on_link) on_link(connected);
        })) {}

  // Calls back in a later turn.
  void refuse(OnWritten on_written, Error error) {
    refuse([on = std::move(on_written)](Result<Value> reply) { on(std::move(reply), {}); },
           std::move(error));
  }
  void refuse(OnReply on_reply, Error error) {
    if (refused.empty()) refusal_timer.once(Duration::zero(), [this] { tell_refused(); });
    refused.push_back({std::move(on_reply), std::move(error)});
  }

  void tell_refused() {
    for (Refused& each : std::exchange(refused, {})) each.on_reply(std::move(each.error));
  }

  // Whether no command may be sent now; then `on_reply` is taken.
  template <class On>
  bool refuses(On& on_reply) {
    if (!access->is_ready()) {
      refuse(std::move(on_reply), {.fault = Fault::unavailable,
                                   .side = Side::backend,
                                   .retry = Retry::always,
                                   .detail = "no connection to Redis"});
      return true;
    }
    if (access->under_way() >= options.pending_commands_max) {
      refuse(std::move(on_reply), {.fault = Fault::limit,
                                   .retry = Retry::always,
                                   .detail = "too many commands wait for Redis"});
      return true;
    }
    return false;
  }

  void command(std::string key, std::vector<std::string> args, OnReply on_reply) {
    if (refuses(on_reply)) return;
    access->send({.key = std::move(key),
                  .args = std::move(args),
                  .on_reply = [on = std::move(on_reply)](Result<Value> reply, const Place&) {
                    on(std::move(reply));
                  }});
  }

  void eval(const Script& script, const std::vector<std::string>& keys,
            const std::vector<std::string>& args, OnWritten on_reply) {
    if (refuses(on_reply)) return;
    std::vector<std::string> all;
    all.reserve(1 + keys.size() + args.size());
    all.push_back(std::to_string(keys.size()));
    all.insert(all.end(), keys.begin(), keys.end());
    all.insert(all.end(), args.begin(), args.end());
    // The script may be asked for again after its owner has gone.
    const auto known = scripts.try_emplace(script.sha1(), script).first;
    access->send({.key = keys.empty() ? "" : keys[0],
                  .script = &known->second,
                  .args = std::move(all),
                  .on_reply = std::move(on_reply)});
  }

  void confirm(const Place& place, uint32_t replicas, Duration timeout, const OnReply& on_reply) {
    const auto milliseconds = std::chrono::duration_cast<Milliseconds>(timeout).count();
    auto sent = access->send_at(
        place, {"WAIT", std::to_string(replicas), std::to_string(milliseconds)}, on_reply);
    if (!sent) refuse(on_reply, std::move(sent).error());
  }

  void open_subscriber() {
    subscriber = std::make_unique<Connection>(
        loop, logger.session("subscriber"), options,
        Connection::User{[this] { resubscribe(); }, [this](const Error&) { ping_timer.disarm(); },
                         [this](Value&& reply) { take_pushed(reply); },
                         [this] { return access->any_node(); }});
  }

  void resubscribe() {
    std::vector<std::string> command{"SUBSCRIBE"};
    for (const Subscription& each : subscriptions) {
      if (std::find(command.begin() + 1, command.end(), each.channel) == command.end())
        command.push_back(each.channel);
    }
    subscriber->send(command);
    pong_missing = false;
    // A subscriber only listens: without pings it would not notice that the server is gone.
    ping_timer.every(options.command_timeout, [this] {
      if (pong_missing) {
        return subscriber->fail(
            {.fault = Fault::timeout, .side = Side::backend, .detail = "no answer to a ping"});
      }
      pong_missing = true;
      subscriber->send({"PING"});
    });
  }

  void take_pushed(const Value& reply) {
    if (reply.kind != Kind::array || reply.items.empty()) {
      const Error error{
          .fault = Fault::protocol, .side = Side::backend, .detail = "unexpected: " + reply.text};
      return subscriber->fail(error);
    }
    const std::string& what = reply.items[0].text;
    pong_missing = false;  // any sign of life will do
    if (reply.items.size() < 3) return;
    // Those who are called may subscribe to more.
    const size_t count = subscriptions.size();
    for (size_t i = 0; i < count; ++i) {
      if (subscriptions[i].channel != reply.items[1].text) continue;
      if (what == "message") subscriptions[i].on_message(reply.items[2].text);
      if (what == "subscribe" && subscriptions[i].on_gap) subscriptions[i].on_gap();
    }
  }

  net::Loop& loop;
  const log::Logger logger;
  const Options options;
  std::function<void(bool)> on_link;
  std::vector<Refused> refused;
  std::map<std::string, Script> scripts;   // by SHA-1
  std::deque<Subscription> subscriptions;  // a deque: references stay while it grows
  bool pong_missing = false;
  net::Timer refusal_timer;
  net::Timer ping_timer;
  std::unique_ptr<Connection> subscriber;
  std::unique_ptr<Access> access;  // last: its callbacks use all of the above
};

Client::Client(net::Loop& loop, const log::Logger& logger, Options options)
    : state_(std::make_unique<State>(loop, logger.session("redis"), std::move(options))) {}

Client::~Client() = default;

void Client::command(std::vector<std::string> args, OnReply on_reply) {
  std::string key = args.size() > 1 ? args[1] : "";
  state_->command(std::move(key), std::move(args), std::move(on_reply));
}

void Client::command_at(const std::string& key, std::vector<std::string> args, OnReply on_reply) {
  state_->command(key, std::move(args), std::move(on_reply));
}

void Client::eval(const Script& script, const std::vector<std::string>& keys,
                  const std::vector<std::string>& args, OnReply on_reply) {
  state_->eval(script, keys, args, [on = std::move(on_reply)](Result<Value> reply, const Place&) {
    on(std::move(reply));
  });
}

void Client::write(const Script& script, const std::vector<std::string>& keys,
                   const std::vector<std::string>& args, OnWritten on_written) {
  state_->eval(script, keys, args, std::move(on_written));
}

void Client::confirm(const Place& place, uint32_t replicas, Duration timeout, OnReply on_reply) {
  state_->confirm(place, replicas, timeout, on_reply);
}

void Client::subscribe(const std::string& channel, std::function<void(std::string_view)> on_message,
                       std::function<void()> on_gap) {
  state_->subscriptions.push_back({channel, std::move(on_message), std::move(on_gap)});
  if (state_->subscriber == nullptr) {
    state_->open_subscriber();
  } else if (state_->subscriber->is_ready()) {
    state_->subscriber->send({"SUBSCRIBE", channel});
  }
}

void Client::on_link(std::function<void(bool connected)> callback) {
  state_->on_link = std::move(callback);
}

bool Client::is_connected() const { return state_->access->is_ready(); }

}  // namespace causeway::redis
