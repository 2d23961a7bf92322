#include "redis/pipeline.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::redis {

namespace {

// What an error reply means to the caller.
Error error_of(const Value& reply) {
  const std::string_view text = reply.text;
  const std::string_view word = text.substr(0, text.find(' '));
  Fault fault = Fault::internal;
  if (word == "CONFLICT") {
    fault = Fault::conflict;
  } else if (word == "FENCED") {
    fault = Fault::refused;
  } else {
    for (const std::string_view away :
         {"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "OOM", "MISCONF", "BUSY", "TRYAGAIN",
          "NOREPLICAS", "MOVED", "ASK"}) {
      if (word == away) fault = Fault::unavailable;
    }
  }
  return Error{.fault = fault, .side = Side::backend, .detail = reply.text};
}

}  // namespace

Pipeline::Pipeline(net::Loop& loop, const log::Logger& logger, const Options& options, User user)
    : loop_(loop),
      options_(options),
      user_(std::move(user)),
      deadline_timer_(loop),
      connection_(loop, logger, options,
                  {[this] {
                     ++links_;
                     user_.on_link(true);
                   },
                   [this](const Error& error) { lost(error); },
                   [this](Value&& reply) { take(std::move(reply)); }, user_.next_node}) {}

void Pipeline::lost(const Error& error) {
  deadline_timer_.disarm();
  loaded_scripts_.clear();
  Error away{.fault = Fault::unavailable,
             .side = Side::backend,
             .detail = "the link broke: " + to_string(error)};
  // Those who are told may send new commands at once: they are refused, not queued here.
  for (Pending& each : std::exchange(pending_, {})) each.on_reply(away);
  user_.on_link(false);
}

void Pipeline::push(const Args& args, Pending pending) {
  connection_.send(args);
  pending_.push_back(std::move(pending));
  if (!deadline_timer_.is_armed()) watch_deadline();
}

void Pipeline::send(const Args& args, OnReply on_reply) {
  push(args, {std::move(on_reply), loop_.now() + options_.command_timeout});
}

void Pipeline::eval(const Script& script, const Args& keys_and_args, OnReply on_reply) {
  Args command;
  command.reserve(2 + keys_and_args.size());
  const bool known = loaded_scripts_.contains(script.sha1());
  command.emplace_back(known ? "EVALSHA" : "EVAL");
  command.push_back(known ? script.sha1() : script.source());
  command.insert(command.end(), keys_and_args.begin(), keys_and_args.end());
  Pending pending{std::move(on_reply), loop_.now() + options_.command_timeout};
  if (!known) {
    // Commands behind this one find it loaded: the server works in order.
    loaded_scripts_.insert(script.sha1());
    script_sources_.emplace(script.sha1(), script.source());
    return push(command, std::move(pending));
  }
  push(command, std::move(pending));
  pending_.back().eval = std::move(command);
}

// All commands have the same time, so the oldest is the first to be late.
void Pipeline::watch_deadline() {
  if (pending_.empty()) return;
  const Duration left =
      std::max<Duration>(pending_.front().deadline - loop_.now(), Duration::zero());
  deadline_timer_.once(left + std::chrono::milliseconds(1), [this] {
    if (!pending_.empty() && pending_.front().deadline <= loop_.now()) {
      connection_.fail(
          {.fault = Fault::timeout, .side = Side::backend, .detail = "no reply in time"});
    } else {
      watch_deadline();
    }
  });
}

void Pipeline::take(Value&& reply) {
  if (pending_.empty()) {
    return connection_.fail({.fault = Fault::protocol,
                             .side = Side::backend,
                             .detail = "a reply that nobody asked for"});
  }
  Pending first = std::move(pending_.front());
  pending_.pop_front();
  if (reply.kind != Kind::error) {
    if (!first.eval.empty()) connection_.trust();
    return first.on_reply(std::move(reply));
  }
  if (!first.eval.empty() && reply.text.starts_with("NOSCRIPT"))
    return load_and_repeat(std::move(first));
  first.on_reply(error_of(reply));
  // It is a replica: the primary may be another address of the name, or named by a Sentinel.
  if (options_.topology != Topology::cluster && reply.text.starts_with("READONLY") && is_ready())
    connection_.leave({.fault = Fault::unavailable, .side = Side::backend, .detail = reply.text});
}

// The server has forgotten the script (SCRIPT FLUSH); the refused command did nothing.
void Pipeline::load_and_repeat(Pending first) {
  first.eval[0] = "EVAL";
  first.eval[1] = script_sources_[first.eval[1]];
  send(first.eval, std::move(first.on_reply));
}

}  // namespace causeway::redis
