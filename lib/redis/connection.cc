#include "redis/connection.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::redis {

Connection::Connection(net::Loop& loop, const log::Logger& logger, const Options& options,
                       User user)
    : loop_(loop),
      logger_(logger),
      options_(options),
      user_(std::move(user)),
      wait_(options.reconnect_wait_min),
      flush_timer_(loop),
      timer_(loop) {
  CHECK(user_.on_ready && user_.on_lost && user_.on_reply);
  start();
}

void Connection::start() {
  phase_ = Phase::resolving;
  node_ = user_.next_node ? user_.next_node() : Node{options_.host, options_.port};
  resolver_ = net::Resolver::start_all(loop_, node_.host, node_.port,
                                       [this](const Result<std::vector<net::Address>>& addresses) {
                                         if (addresses) {
                                           connect(*addresses);
                                         } else {
                                           fail(addresses.error());
                                         }
                                       });
}

void Connection::connect(const std::vector<net::Address>& addresses) {
  phase_ = Phase::connecting;
  const net::Address& address = addresses[attempts_++ % addresses.size()];
  const net::Connector::Options options{.timeout = options_.connect_timeout,
                                        .keep_alive_probe = std::chrono::seconds(15)};
  connector_ = net::Connector::start(loop_, address, options,
                                     [this](Result<std::unique_ptr<net::Stream>> stream) {
                                       if (stream) {
                                         secure(std::move(stream).value());
                                       } else {
                                         fail(stream.error());
                                       }
                                     });
}

void Connection::secure(std::unique_ptr<net::Stream> stream) {
  if (!options_.tls) return greet(std::move(stream));
  phase_ = Phase::securing;
  const tls::Handshake::ConnectOptions options{
      .server_name = options_.tls_server_name.empty() ? node_.host : options_.tls_server_name,
      .timeout = options_.connect_timeout};
  handshake_ = tls::Handshake::connect(std::move(stream), options_.tls(), options,
                                       [this](Result<tls::Secured> secured) {
                                         if (secured) {
                                           greet(std::move(secured->stream));
                                         } else {
                                           fail(secured.error());
                                         }
                                       });
}

void Connection::greet(std::unique_ptr<net::Stream> stream) {
  phase_ = Phase::greeting;
  stream_ = std::move(stream);
  reader_.emplace();
  out_.clear();
  if (!options_.password.empty()) {
    append(options_.user.empty()
               ? std::vector<std::string>{"AUTH", options_.password}
               : std::vector<std::string>{"AUTH", options_.user, options_.password});
  }
  if (options_.database != 0) append({"SELECT", std::to_string(options_.database)});
  append({"PING"});  // refused while the server loads its data or wants a password
  greetings_left_ = 1 + (options_.password.empty() ? 0 : 1) + (options_.database == 0 ? 0 : 1);
  if (options_.topology == Topology::sentinel) {
    append({"ROLE"});
    ++greetings_left_;
  }
  timer_.once(options_.command_timeout, [this] {
    fail(Error{
        .fault = Fault::timeout, .side = Side::backend, .detail = "no answer to the greeting"});
  });
  stream_->listen(*this);
  flush();
}

void Connection::take_greeting(const Value& reply) {
  if (reply.kind == Kind::error) {
    return fail(Error{.fault = Fault::unavailable, .side = Side::backend, .detail = reply.text});
  }
  if (--greetings_left_ > 0) return;
  if (options_.topology == Topology::sentinel &&
      (reply.items.empty() || reply.items[0].text != "master"))
    return fail(Error{
        .fault = Fault::unavailable, .side = Side::backend, .detail = "it is not the primary"});
  phase_ = Phase::ready;
  timer_.disarm();
  --attempts_;  // this address, as long as it serves
  if (!is_doubtful_) {
    wait_ = options_.reconnect_wait_min;
    outage_logged_ = false;
    logger_.info("connected", {{"host", node_.host}, {"port", node_.port}});
  }
  user_.on_ready();
}

void Connection::leave(const Error& error) {
  is_doubtful_ = true;
  if (is_ready()) ++attempts_;
  fail(error);
}

void Connection::trust() {
  if (!std::exchange(is_doubtful_, false)) return;
  wait_ = options_.reconnect_wait_min;
  outage_logged_ = false;
  logger_.info("connected", {{"host", node_.host}, {"port", node_.port}});
}

void Connection::append(const std::vector<std::string>& args) {
  out_.append(1, '*').append(std::to_string(args.size())).append("\r\n");
  for (const std::string& arg : args) {
    out_.append(1, '$')
        .append(std::to_string(arg.size()))
        .append("\r\n")
        .append(arg)
        .append("\r\n");
  }
}

void Connection::send(const std::vector<std::string>& args) {
  CHECK(is_ready());
  if (out_.empty()) flush_timer_.once(Duration::zero(), [this] { flush(); });
  append(args);
}

void Connection::flush() {
  if (stream_ == nullptr || out_.empty()) return;
  stream_->write(out_);
  out_.clear();
  constexpr size_t kept_bytes_max = 1024 * 1024;
  if (out_.capacity() > kept_bytes_max) out_.shrink_to_fit();
}

void Connection::fail(const Error& error) {
  if (phase_ == Phase::waiting) return;
  const bool was_ready = is_ready();
  phase_ = Phase::waiting;
  // What has not arrived yet must not be carried out behind what the next link reads.
  if (stream_ != nullptr) stream_->abort_on_close();
  stream_.reset();
  handshake_.reset();
  connector_.reset();
  resolver_.reset();
  flush_timer_.disarm();
  out_.clear();
  timer_.once(wait_, [this] { start(); });
  wait_ = std::min(wait_ * 2, options_.reconnect_wait_max);
  // An outage is one line, however many attempts it takes.
  if (!std::exchange(outage_logged_, true)) {
    logger_.error(was_ready ? "connection-lost" : "connect-failed", error,
                  {{"host", node_.host}, {"port", node_.port}});
  }
  if (was_ready) user_.on_lost(error);
}

void Connection::on_read(std::span<char> bytes) {
  reader_->feed({bytes.data(), bytes.size()});
  // A reply's consequences may fail the link.
  while (stream_ != nullptr) {
    auto reply = reader_->next();
    if (!reply) return fail(reply.error());
    if (!*reply) return;
    if (is_ready()) {
      user_.on_reply(std::move(**reply));
    } else {
      take_greeting(**reply);
    }
  }
}

void Connection::on_end() {
  fail(Error{
      .fault = Fault::closed, .side = Side::backend, .detail = "the server closed the connection"});
}

void Connection::on_failure(const Error& error) { fail(error); }

}  // namespace causeway::redis
