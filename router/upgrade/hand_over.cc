#include "router/upgrade/hand_over.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace causeway::router {

namespace {

constexpr size_t kCallersMax = 16;
// A message that has begun is whole within this time.
constexpr Duration kMessagePatience = std::chrono::seconds(1);
// A page of routes ends with the registration that reaches this many bytes. One registration has
// 60,000 bytes of text at most, six times that in JSON: a page is far below the longest message.
constexpr size_t kPageBytes = 64u << 10;
static_assert(kPageBytes + 7 * 60'000 < kUpgradeMessageBytesMax);
constexpr int kBacklog = 8;

std::string told(std::string_view what) {
  json::Writer writer;
  writer.object().member("say", what).end();
  return writer.take();
}

std::string told(std::string_view what, std::string_view name, std::string_view value) {
  json::Writer writer;
  writer.object().member("say", what).member(name, value).end();
  return writer.take();
}

std::string told(std::string_view what, int pid) {
  json::Writer writer;
  writer.object().member("say", what).member("pid", pid).end();
  return writer.take();
}

// Writes registrations from `at` on until the page is full; where the next page begins.
size_t write_some(json::Writer& writer, const std::vector<KnownRoute>& routes, size_t at,
                  size_t& bytes) {
  for (; at < routes.size() && bytes < kPageBytes; ++at) {
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(routes[at].age);
    writer.object().member("age_ms", age.count()).key("message").raw(routes[at].payload).end();
    bytes += routes[at].payload.size();
  }
  return at;
}

}  // namespace

// Somebody connected to the socket. Owner: HandOver, which buries it.
struct HandOver::Caller {
  Caller(int descriptor, HandOver& owner)
      : channel(descriptor),
        watch(std::make_unique<net::DescriptorWatch>(
            owner.loop_, descriptor, [this, &owner] { owner.on_message(*this); })) {}

  UpgradeChannel channel;
  Role role = Role::unknown;
  std::unique_ptr<net::DescriptorWatch> watch;  // null: dropped
};

HandOver::HandOver(net::Loop& loop, const log::Logger& logger, Options options, Giver& giver)
    : loop_(loop),
      logger_(logger.session("upgrade")),
      options_(std::move(options)),
      giver_(giver),
      timeout_(loop) {}

HandOver::~HandOver() {
  watch_.reset();
  for (auto& caller : callers_) caller->watch.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

// The socket is bound under another name and put in its place at once, so that there is always one.
// It is never removed: who finds it without a router behind it is refused by the kernel.
Result<void> HandOver::listen() {
  CHECK(descriptor_ < 0);
  const std::string new_path = options_.path + "." + std::to_string(::getpid());
  const auto failed = [this, &new_path](const char* call) {
    const int os = errno;
    ::unlink(new_path.c_str());
    return Error{.fault = fault_of_errno(os), .os = os, .detail = call + (" " + options_.path)};
  };
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (new_path.size() >= sizeof name.sun_path) {
    return Error{.fault = Fault::invalid, .detail = "the path is too long: " + options_.path};
  }
  new_path.copy(name.sun_path, new_path.size());
  descriptor_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor_ < 0) return failed("socket");
  ::unlink(new_path.c_str());
  if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    return failed("bind");
  }
  // Nobody can connect before it listens.
  if (::chmod(new_path.c_str(), S_IRUSR | S_IWUSR) != 0) return failed("chmod");
  if (::listen(descriptor_, kBacklog) != 0) return failed("listen");
  if (::rename(new_path.c_str(), options_.path.c_str()) != 0) return failed("rename");
  watch_ = std::make_unique<net::DescriptorWatch>(loop_, descriptor_, [this] { accept(); });
  return {};
}

void HandOver::accept() {
  const int descriptor = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (descriptor < 0) return;
  auto caller = std::make_unique<Caller>(descriptor, *this);
  const auto user = caller->channel.peer_user();
  if (!user || (*user != ::geteuid() && *user != 0)) {
    logger_.warn("caller-refused", {{"uid", user ? static_cast<int64_t>(*user) : -1}});
    caller->watch.reset();
    return loop_.bury(std::move(caller));
  }
  callers_.push_back(std::move(caller));
  if (callers_.size() > kCallersMax) refuse(*callers_.back(), "too many callers");
}

void HandOver::on_message(Caller& caller) {
  auto message = caller.channel.receive(kMessagePatience);
  if (!message) {
    const bool was_taker = &caller == taker_;
    // It ends the connection when the path is its own: the next upgrade may begin.
    if (caller.role == Role::successor && handed_over_to_ != 0) {
      tell_operators(told("done", handed_over_to_));
    }
    drop(caller);
    if (was_taker) fail("the new router has gone: " + message.error().detail);
    return;
  }
  const auto document = json::Document::parse(message->text);
  if (!document) return refuse(caller, "not JSON");
  answer(caller, document->root());
}

void HandOver::answer(Caller& caller, json::Node message) {
  const std::string_view said = message["say"].string().value_or("");
  if (caller.role == Role::unknown) {
    if (said == "upgrade") return start_successor(caller, message);
    if (said == "hello") return welcome(caller, message);
  }
  if (&caller != taker_) return refuse(caller, "not expected");
  const auto from = static_cast<size_t>(message["from"].unsigned_integer().value_or(0));
  if (said == "routes") return send_routes(caller, from);
  if (said == "sockets") return send_sockets(caller, from);
  if (said == "serving") return finish(caller);
  const std::string reason(
      message["reason"].string().value_or("it said \"" + std::string(said) + '"'));
  fail("the new router gave up: " + reason);
}

void HandOver::start_successor(Caller& caller, json::Node message) {
  const std::string_view obstacle = giver_.obstacle();
  if (!obstacle.empty()) return refuse(caller, obstacle);
  if (taker_ != nullptr || started_ != nullptr) return refuse(caller, "an upgrade is under way");
  std::vector<std::string> words = options_.words;
  if (const auto binary = message["binary"].string()) words[0] = *binary;
  if (const auto config = message["config"].string()) {
    words.resize(1);
    words.insert(words.end(), {"-c", std::string(*config)});
  }
  words.emplace_back("--take-over");
  const auto run = [this](const std::function<void()>& work) { giver_.run_at_full_priority(work); };
  auto started = Successor::start(loop_, words, run, [this](const std::string& how) {
    loop_.defer([this, how] {
      if (started_ != nullptr) fail("the new router " + how);
    });
  });
  if (!started) return refuse(caller, to_string(started.error()));
  started_ = *std::move(started);
  successor_pid_ = started_->pid();
  caller.role = Role::operator_;
  timeout_.once(options_.timeout, [this] { fail("it took too long"); });
  logger_.info("new-router-started", {{"pid", successor_pid_}, {"binary", words[0]}});
  (void)caller.channel.send(told("started", successor_pid_));
}

void HandOver::welcome(Caller& caller, json::Node message) {
  const std::string_view obstacle = giver_.obstacle();
  if (!obstacle.empty()) return refuse(caller, obstacle);
  if (taker_ != nullptr) return refuse(caller, "an upgrade is under way");
  const int64_t protocol = message["protocol"].integer().value_or(0);
  const int64_t pid = message["pid"].integer().value_or(0);
  if (started_ != nullptr && pid != started_->pid()) {
    return refuse(caller, "another router is being started");
  }
  if (protocol != kUpgradeProtocol) {
    const std::string reason = "it speaks upgrade protocol " + std::to_string(protocol) +
                               ", this router " + std::to_string(kUpgradeProtocol);
    refuse(caller, reason);
    return fail(reason);
  }
  caller.role = Role::successor;
  taker_ = &caller;
  successor_pid_ = static_cast<int>(pid);
  if (!timeout_.is_armed()) timeout_.once(options_.timeout, [this] { fail("it took too long"); });
  logger_.info("hand-over-begins", {{"pid", pid},
                                    {"version", message["version"].string().value_or("")},
                                    {"own_version", options_.version}});
  (void)caller.channel.send(told("welcome", "version", options_.version));
}

void HandOver::send_routes(Caller& caller, size_t from) {
  if (from == 0) {
    http_ = giver_.http_routes();
    tcp_ = giver_.tcp_routes();
  }
  json::Writer writer;
  size_t bytes = 0;
  writer.object().member("say", "routes").key("http").array();
  size_t next = write_some(writer, http_, std::min(from, http_.size()), bytes);
  writer.end().key("tcp").array();
  if (next == http_.size()) {
    const size_t tcp_from = std::max(from, http_.size()) - http_.size();
    next = http_.size() + write_some(writer, tcp_, std::min(tcp_from, tcp_.size()), bytes);
  }
  writer.end();
  if (next < http_.size() + tcp_.size()) writer.member("next", next);
  (void)caller.channel.send(writer.end().take());
}

void HandOver::send_sockets(Caller& caller, size_t from) {
  if (from == 0) sockets_ = giver_.listening_sockets();
  const size_t begin = std::min(from, sockets_.size());
  const size_t count = std::min(sockets_.size() - begin, kUpgradeSocketsMax);
  json::Writer writer;
  writer.object().member("say", "sockets").member("count", count);
  if (begin + count < sockets_.size()) writer.member("next", begin + count);
  (void)caller.channel.send(writer.end().take(), std::span(sockets_).subspan(begin, count));
}

void HandOver::finish(Caller& caller) {
  logger_.info("handed-over", {{"pid", successor_pid_}});
  handed_over_to_ = successor_pid_;
  (void)caller.channel.send(told("goodbye"));
  if (started_ != nullptr) started_->let_go();
  forget_upgrade();
  // The path is the new router's in a moment.
  watch_.reset();
  ::close(std::exchange(descriptor_, -1));
  giver_.on_handed_over();
}

void HandOver::fail(const std::string& reason) {
  logger_.error("upgrade-failed", {{"error", reason}, {"pid", successor_pid_}});
  tell_operators(told("failed", "reason", reason));
  if (started_ != nullptr) started_->kill();
  if (taker_ != nullptr) {
    (void)taker_->channel.send(told("refused", "reason", reason));
    drop(*taker_);
  }
  forget_upgrade();
}

void HandOver::forget_upgrade() {
  taker_ = nullptr;
  loop_.bury(std::move(started_));
  timeout_.disarm();
  successor_pid_ = 0;
  http_.clear();
  tcp_.clear();
  sockets_.clear();
}

void HandOver::tell_operators(const std::string& text) {
  for (const auto& caller : callers_) {
    if (caller->role == Role::operator_) (void)caller->channel.send(text);
  }
}

void HandOver::refuse(Caller& caller, std::string_view reason) {
  (void)caller.channel.send(told("refused", "reason", reason));
  drop(caller);
}

void HandOver::drop(Caller& caller) {
  if (&caller == taker_) taker_ = nullptr;
  const auto found = std::find_if(callers_.begin(), callers_.end(),
                                  [&caller](const auto& each) { return each.get() == &caller; });
  CHECK(found != callers_.end());
  caller.watch.reset();
  loop_.bury(std::move(*found));
  callers_.erase(found);
}

}  // namespace causeway::router
