#include "redis/client.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "net/loop.h"
#include "redis/connection.h"

namespace causeway::redis {
namespace {

// What an error reply means to the caller.
Error error_of(const Value& reply) {
  const std::string_view text = reply.text;
  const std::string_view word = text.substr(0, text.find(' '));
  Fault fault = Fault::internal;
  if (word == "CONFLICT") {
    fault = Fault::conflict;
  } else {
    for (const std::string_view away : {"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "OOM",
                                        "MISCONF", "BUSY", "TRYAGAIN", "NOREPLICAS"}) {
      if (word == away) fault = Fault::unavailable;
    }
  }
  return Error{.fault = fault, .side = Side::backend, .detail = reply.text};
}

}  // namespace

struct Client::State {
  struct Pending {
    OnReply on_reply;
    Instant deadline;
    std::vector<std::string> eval;  // of a script: the command, to be sent again after NOSCRIPT
  };
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
        deadline_timer(loop),
        refusal_timer(loop),
        ping_timer(loop),
        connection(loop, logger, options,
                   {[this] { ready(); }, [this](const Error& error) { lost(error); },
                    [this](Value&& reply) { take(std::move(reply)); }}) {}

  void ready() {
    if (on_link) on_link(true);
  }

  void lost(const Error& error) {
    deadline_timer.disarm();
    loaded_scripts.clear();
    Error away{.fault = Fault::unavailable,
               .side = Side::backend,
               .detail = "the link broke: " + to_string(error)};
    // Those who are told may send new commands at once: they are refused, not queued here.
    for (Pending& each : std::exchange(pending, {})) each.on_reply(away);
    if (on_link) on_link(false);
  }

  // Calls back in a later turn.
  void refuse(OnReply on_reply, Error error) {
    if (refused.empty()) refusal_timer.once(Duration::zero(), [this] { tell_refused(); });
    refused.push_back({std::move(on_reply), std::move(error)});
  }

  void tell_refused() {
    for (Refused& each : std::exchange(refused, {})) each.on_reply(std::move(each.error));
  }

  void send(std::vector<std::string>& args, OnReply on_reply, bool keep_args = false) {
    connection.send(args);
    pending.push_back({std::move(on_reply), loop.now() + options.command_timeout, {}});
    if (keep_args) pending.back().eval.swap(args);
    if (!deadline_timer.is_armed()) watch_deadline();
  }

  // Whether no command may be sent now; then `on_reply` is taken.
  bool refuses(OnReply& on_reply) {
    if (!connection.is_ready()) {
      refuse(std::move(on_reply), {.fault = Fault::unavailable,
                                   .side = Side::backend,
                                   .retry = Retry::always,
                                   .detail = "no connection to Redis"});
      return true;
    }
    if (pending.size() >= options.pending_commands_max) {
      refuse(std::move(on_reply), {.fault = Fault::limit,
                                   .retry = Retry::always,
                                   .detail = "too many commands wait for Redis"});
      return true;
    }
    return false;
  }

  // All commands have the same time, so the oldest is the first to be late.
  void watch_deadline() {
    if (pending.empty()) return;
    const Duration left =
        std::max<Duration>(pending.front().deadline - loop.now(), Duration::zero());
    deadline_timer.once(left + std::chrono::milliseconds(1), [this] {
      if (!pending.empty() && pending.front().deadline <= loop.now()) {
        connection.fail(
            {.fault = Fault::timeout, .side = Side::backend, .detail = "no reply in time"});
      } else {
        watch_deadline();
      }
    });
  }

  void take(Value&& reply) {
    if (pending.empty()) {
      return connection.fail({.fault = Fault::protocol,
                              .side = Side::backend,
                              .detail = "a reply that nobody asked for"});
    }
    Pending first = std::move(pending.front());
    pending.pop_front();
    if (reply.kind != Kind::error) return first.on_reply(std::move(reply));
    if (!first.eval.empty() && reply.text.starts_with("NOSCRIPT"))
      return load_and_repeat(std::move(first));
    first.on_reply(error_of(reply));
  }

  // The server has forgotten the script (SCRIPT FLUSH); the refused command did nothing.
  void load_and_repeat(Pending first) {
    first.eval[0] = "EVAL";
    first.eval[1] = script_sources[first.eval[1]];
    send(first.eval, std::move(first.on_reply));
  }

  void eval(const Script& script, const std::vector<std::string>& keys,
            const std::vector<std::string>& args, OnReply on_reply) {
    if (refuses(on_reply)) return;
    std::vector<std::string> command;
    command.reserve(3 + keys.size() + args.size());
    const bool known = loaded_scripts.contains(script.sha1());
    command.emplace_back(known ? "EVALSHA" : "EVAL");
    command.push_back(known ? script.sha1() : script.source());
    command.push_back(std::to_string(keys.size()));
    command.insert(command.end(), keys.begin(), keys.end());
    command.insert(command.end(), args.begin(), args.end());
    if (known) return send(command, std::move(on_reply), true);
    // Commands behind this one find it loaded: the server works in order.
    loaded_scripts.insert(script.sha1());
    script_sources.emplace(script.sha1(), script.source());
    send(command, std::move(on_reply));
  }

  void open_subscriber() {
    subscriber = std::make_unique<Connection>(
        loop, logger.session("subscriber"), options,
        Connection::User{[this] { resubscribe(); }, [this](const Error&) { ping_timer.disarm(); },
                         [this](Value&& reply) { take_pushed(reply); }});
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
  std::deque<Pending> pending;
  std::vector<Refused> refused;
  std::set<std::string, std::less<>> loaded_scripts;  // on this connection
  std::map<std::string, std::string, std::less<>> script_sources;
  std::deque<Subscription> subscriptions;  // a deque: references stay while it grows
  bool pong_missing = false;
  net::Timer deadline_timer;
  net::Timer refusal_timer;
  net::Timer ping_timer;
  std::unique_ptr<Connection> subscriber;
  Connection connection;  // last: its callbacks use all of the above
};

Client::Client(net::Loop& loop, const log::Logger& logger, Options options)
    : state_(std::make_unique<State>(loop, logger.session("redis"), std::move(options))) {}

Client::~Client() = default;

void Client::command(std::vector<std::string> args, OnReply on_reply) {
  if (!state_->refuses(on_reply)) state_->send(args, std::move(on_reply));
}

void Client::eval(const Script& script, const std::vector<std::string>& keys,
                  const std::vector<std::string>& args, OnReply on_reply) {
  state_->eval(script, keys, args, std::move(on_reply));
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

bool Client::is_connected() const { return state_->connection.is_ready(); }

}  // namespace causeway::redis
