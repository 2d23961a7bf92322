#include "redis/single_access.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "log/logger.h"
#include "net/loop.h"

namespace causeway::redis {

namespace {

// A Sentinel that has not answered in this time is left; others know the same.
constexpr Duration kSentinelTimeout = std::chrono::seconds(2);

}  // namespace

SingleAccess::SingleAccess(net::Loop& loop, const log::Logger& logger, const Options& options,
                           OnLink on_link)
    : loop_(loop),
      logger_(logger),
      options_(options),
      on_link_(std::move(on_link)),
      node_{options.host, options.port},
      ask_timer_(loop) {
  if (options_.topology == Topology::sentinel) {
    open_sentinel();
  } else {
    open_server();
  }
}

void SingleAccess::send(Request request) {
  auto on_reply = [place = Place{name_of(server_->node()), server_->link()},
                   on = std::move(request.on_reply)](Result<Value> reply) {
    on(std::move(reply), place);
  };
  if (request.script != nullptr)
    return server_->eval(*request.script, request.args, std::move(on_reply));
  server_->send(request.args, std::move(on_reply));
}

Result<void> SingleAccess::send_at(const Place& place, const std::vector<std::string>& args,
                                   const OnReply& on_reply) {
  if (!is_ready() || server_->link() != place.link) return link_has_gone();
  server_->send(args, on_reply);
  return {};
}

void SingleAccess::open_server() {
  server_ = std::make_unique<Pipeline>(loop_, logger_, options_,
                                       Pipeline::User{on_link_, [this] { return node_; }});
}

void SingleAccess::open_sentinel() {
  CHECK(!options_.nodes.empty());
  Options options = options_;
  options.topology = Topology::single;
  options.user = options_.sentinel_user;
  options.password = options_.sentinel_password;
  options.database = 0;
  options.command_timeout = std::min(options_.command_timeout, kSentinelTimeout);
  const auto next = [this] { return options_.nodes[next_sentinel_++ % options_.nodes.size()]; };
  const auto on_link = [this](bool ready) {
    if (!ready) return ask_timer_.disarm();
    ask_sentinel();
    ask_timer_.every(options_.topology_interval, [this] { ask_sentinel(); });
  };
  sentinel_ = std::make_unique<Pipeline>(loop_, logger_, options, Pipeline::User{on_link, next});
}

void SingleAccess::ask_sentinel() {
  if (sentinel_->under_way() > 0) return;
  sentinel_->send({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", options_.primary_name},
                  [this](const Result<Value>& reply) {
                    if (reply) return take_primary(*reply);
                    // It may not tell us, or does not know yet: another one may.
                    if (sentinel_->is_ready()) sentinel_->leave(reply.error());
                  });
}

void SingleAccess::take_primary(const Value& reply) {
  uint16_t port = 0;
  if (reply.items.size() == 2) {
    const std::string& text = reply.items[1].text;
    std::from_chars(text.data(), text.data() + text.size(), port);
  }
  if (port == 0) {
    // Another one may know it.
    return sentinel_->leave({.fault = Fault::not_found,
                             .side = Side::backend,
                             .detail = "it knows no primary \"" + options_.primary_name + "\""});
  }
  sentinel_->trust();
  const Node named{reply.items[0].text, port};
  if (server_ == nullptr || node_ != named) {
    node_ = named;
    logger_.info("primary-found", {{"host", node_.host}, {"port", node_.port}});
  }
  if (server_ == nullptr) return open_server();
  // An attempt at the former one is given up too: it may wake and still believe in itself.
  if (server_->node() != node_)
    server_->fail({.fault = Fault::unavailable,
                   .side = Side::backend,
                   .detail = "another server is the primary now"});
}

}  // namespace causeway::redis
