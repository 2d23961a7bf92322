#include "nats/wire.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <nats/nats.h>

#include "base/check.h"

namespace causeway::nats {
namespace {

using namespace std::chrono_literals;

// Publishes that wait for the wire. Linked: a burst, such as all routes of a large platform; else
// what outlives an outage.
constexpr size_t outgoing_linked_bytes_max = 32u << 20;
constexpr size_t outgoing_unlinked_bytes_max = 1u << 20;
// A server that does not read is given up after this time.
constexpr auto write_deadline = 5s;
constexpr auto final_flush = 1s;

int64_t to_ms(Duration duration) {
  return std::max<int64_t>(1,
                           std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// "nats://user:password@host:port" -> "host:port": credentials stay out of logs.
std::string server_of(natsConnection* connection) {
  char url[512] = "";
  if (natsConnection_GetConnectedUrl(connection, url, sizeof(url)) != NATS_OK) return {};
  std::string_view text = url;
  if (const size_t scheme = text.find("://"); scheme != std::string_view::npos)
    text.remove_prefix(scheme + 3);
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  return std::string(text);
}

std::string url_of(const Options::Server& server, bool with_user) {
  std::string url = "nats://";
  if (with_user && !server.user.empty()) url += server.user + ":" + server.password + "@";
  const bool v6 = server.host.find(':') != std::string::npos;
  url += v6 ? "[" + server.host + "]" : server.host;
  return url + ":" + std::to_string(server.port);
}

struct DestroyOptions {
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
};
using OptionsPtr = std::unique_ptr<natsOptions, DestroyOptions>;

}  // namespace

// Runs on libnats' threads.
struct Wire::Callbacks {
  static void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    const auto* subscription = static_cast<const Subscription*>(closure);
    Event event;
    event.what =
        natsMsg_IsNoResponders(message) ? Event::What::no_responders : Event::What::message;
    event.subscription = subscription->id;
    event.message.subject = natsMsg_GetSubject(message);
    if (const char* reply = natsMsg_GetReply(message); reply != nullptr)
      event.message.reply = reply;
    event.message.payload.assign(natsMsg_GetData(message),
                                 static_cast<size_t>(natsMsg_GetDataLength(message)));
    natsMsg_Destroy(message);
    subscription->wire->deliver(std::move(event));
  }

  static void on_complete(void* closure) {
    static_cast<Subscription*>(closure)->wire->callback_ended();
  }

  static void on_connected(natsConnection* connection, void* closure) {
    static_cast<Wire*>(closure)->link(Link::connected, server_of(connection));
  }
  static void on_reconnected(natsConnection* connection, void* closure) {
    static_cast<Wire*>(closure)->link(Link::reconnected, server_of(connection));
  }
  static void on_disconnected(natsConnection* connection, void* closure) {
    static_cast<Wire*>(closure)->link(Link::disconnected, server_of(connection));
  }
  static void on_closed(natsConnection*, void* closure) {
    static_cast<Wire*>(closure)->connection_closed();
  }
  static void on_error(natsConnection*, natsSubscription*, natsStatus status, void* closure) {
    static_cast<Wire*>(closure)->complain("nats-error", status);
  }
};

// One natsConnection, which lasts over reconnects until libnats gives it up (refused twice by the
// same server).
struct Wire::Connection {
  natsOptions* options = nullptr;  // the same for every connection
  natsConnection* raw = nullptr;
  size_t subscribed = 0;  // of Wire::subscriptions_, from the front
};

Wire::Wire(const Options& options, const log::Logger& logger, net::Mailbox<Event>& mailbox,
           Waiting& waiting)
    : options_(options), logger_(logger), mailbox_(mailbox), waiting_(waiting), thread_([this] {
        run();
      }) {}

Wire::~Wire() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Wire::subscribe(uint64_t id, std::string subject) {
  {
    const std::lock_guard lock(mutex_);
    subscriptions_.push_back({this, id, std::move(subject)});
  }
  changed_.notify_all();
}

bool Wire::publish(Message message, BootInstant latest) {
  const size_t bytes = size_of(message);
  {
    const std::lock_guard lock(mutex_);
    const size_t bytes_max = linked_ ? outgoing_linked_bytes_max : outgoing_unlinked_bytes_max;
    if (outgoing_bytes_ + bytes > bytes_max) {
      dropped_publishes_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    outgoing_bytes_ += bytes;
    outgoing_.push_back({std::move(message), latest});
    if (outgoing_.size() > 1) return true;  // the first one has woken the wire
  }
  changed_.notify_all();
  return true;
}

void Wire::deliver(Event event) {
  const size_t bytes = size_of(event.message);
  // The bounds may be passed by one message: this thread is the only one that adds.
  if (waiting_.messages.load(std::memory_order_relaxed) >= options_.pending_messages_max ||
      waiting_.bytes.load(std::memory_order_relaxed) >= options_.pending_bytes_max) {
    waiting_.dropped.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  waiting_.messages.fetch_add(1, std::memory_order_relaxed);
  waiting_.bytes.fetch_add(bytes, std::memory_order_relaxed);
  if (mailbox_.post(std::move(event))) return;
  waiting_.messages.fetch_sub(1, std::memory_order_relaxed);
  waiting_.bytes.fetch_sub(bytes, std::memory_order_relaxed);
  waiting_.dropped.fetch_add(1, std::memory_order_relaxed);
}

void Wire::link(Link state, std::string server) {
  {
    const std::lock_guard lock(mutex_);
    const bool up = state == Link::connected || state == Link::reconnected;
    if (up == linked_ && state != Link::closed) return;
    linked_ = up;
    if (up) state = std::exchange(was_linked_, true) ? Link::reconnected : Link::connected;
    Event event;
    event.what = Event::What::link;
    event.link = state;
    event.server = std::move(server);
    // Under the lock, so that the loop sees the states in their order. The mailbox has room beyond
    // the messages' bound.
    if (!stopping_ && !mailbox_.post(std::move(event)))
      waiting_.dropped.fetch_add(1, std::memory_order_relaxed);
  }
  changed_.notify_all();
}

void Wire::connection_closed() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    --live_callbacks_;
    changed_.notify_all();  // under the lock: after it the wire may be gone
  }
}

void Wire::callback_ended() {
  const std::lock_guard lock(mutex_);
  --live_callbacks_;
  changed_.notify_all();
}

void Wire::complain(std::string_view what, int status) {
  logger_.warn(what, {{"status", natsStatus_GetText(static_cast<natsStatus>(status))}});
}

namespace {

// One user for all servers is told apart from the addresses, and may then hold any characters.
bool same_user_everywhere(const std::vector<Options::Server>& servers) {
  return std::all_of(servers.begin(), servers.end(), [&](const Options::Server& server) {
    return server.user == servers.front().user && server.password == servers.front().password;
  });
}

// AEAD and forward secrecy; of TLS 1.3 all suites are.
constexpr const char* ciphers_of_tls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384";

// A text as a file that has no name, since libnats reads certificate chains from files only.
class TextFile {
 public:
  explicit TextFile(const std::string& text) : descriptor_(::memfd_create("pem", MFD_CLOEXEC)) {
    CHECK(descriptor_ >= 0);
    CHECK(::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { ::close(descriptor_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  const int descriptor_;
};

natsStatus set_tls(natsOptions* raw, const Options::Tls& tls) {
  natsStatus status = natsOptions_SetSecure(raw, true);
  const auto also = [&status](natsStatus next) {
    if (status == NATS_OK) status = next;
  };
  also(natsOptions_SetCATrustedCertificates(raw, tls.authorities.c_str()));
  also(natsOptions_SetCiphers(raw, ciphers_of_tls12));
  if (!tls.certificate.empty()) {
    const TextFile certificate(tls.certificate);
    const TextFile key(tls.key);
    also(natsOptions_LoadCertificatesChain(raw, certificate.path().c_str(), key.path().c_str()));
  }
  if (!tls.server_name.empty()) also(natsOptions_SetExpectedHostname(raw, tls.server_name.c_str()));
  return status;
}

// Null when libnats refuses them.
OptionsPtr libnats_options(const Options& options) {
  if (options.servers.empty()) return nullptr;
  natsOptions* raw = nullptr;
  if (natsOptions_Create(&raw) != NATS_OK) return nullptr;
  OptionsPtr owned(raw);
  const bool same_user = same_user_everywhere(options.servers);
  std::vector<std::string> urls;
  std::vector<const char*> url_texts;
  for (const Options::Server& server : options.servers) urls.push_back(url_of(server, !same_user));
  for (const std::string& url : urls) url_texts.push_back(url.c_str());
  const Options::Server& first = options.servers.front();
  natsStatus status =
      natsOptions_SetServers(raw, url_texts.data(), static_cast<int>(url_texts.size()));
  const auto also = [&status](natsStatus next) {
    if (status == NATS_OK) status = next;
  };
  if (same_user && !first.user.empty())
    also(natsOptions_SetUserInfo(raw, first.user.c_str(), first.password.c_str()));
  if (options.tls && status == NATS_OK) also(set_tls(raw, *options.tls));
  if (!options.name.empty()) also(natsOptions_SetName(raw, options.name.c_str()));
  also(natsOptions_SetTimeout(raw, to_ms(options.connect_timeout)));
  also(natsOptions_SetReconnectWait(raw, to_ms(options.reconnect_wait)));
  also(natsOptions_SetMaxReconnect(raw, -1));
  also(natsOptions_SetReconnectBufSize(raw, static_cast<int>(outgoing_unlinked_bytes_max)));
  also(natsOptions_SetPingInterval(raw, to_ms(options.ping_interval)));
  also(natsOptions_SetMaxPingsOut(raw, 2));
  also(natsOptions_SetWriteDeadline(raw, to_ms(write_deadline)));
  // One delivery thread for all subscriptions: messages keep their order.
  also(natsOptions_UseGlobalMessageDelivery(raw, true));
  return status == NATS_OK ? std::move(owned) : nullptr;
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // libnats' threads inherit it
}

}  // namespace

void Wire::run() {
  block_signals();
  pthread_setname_np(pthread_self(), "nats");
  const OptionsPtr options = libnats_options(options_);
  if (options == nullptr) {
    logger_.error("no-usable-server",
                  {{"servers", options_.servers.size()}, {"tls", options_.tls.has_value()}});
    return link(Link::closed, {});
  }
  natsOptions* raw = options.get();
  natsOptions_SetDisconnectedCB(raw, Callbacks::on_disconnected, this);
  natsOptions_SetReconnectedCB(raw, Callbacks::on_reconnected, this);
  natsOptions_SetClosedCB(raw, Callbacks::on_closed, this);
  natsOptions_SetErrorHandler(raw, Callbacks::on_error, this);
  uint32_t tries = 0;
  do {
    Connection connection{raw};
    if (open(connection)) serve(connection);
    close(connection);
  } while (may_try_again(++tries));
  nats_ReleaseThreadMemory();
}

// Is a server to be looked for until one is found?
bool Wire::is_patient() {
  const std::lock_guard lock(mutex_);
  return was_linked_ || options_.first_tries == 0;
}

bool Wire::may_try_again(uint32_t tries) {
  if (is_patient()) return rest(options_.reconnect_wait);
  if (tries < options_.first_tries) return rest(options_.first_try_wait);
  link(Link::closed, {});
  return false;
}

bool Wire::open(Connection& connection) {
  {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    ++live_callbacks_;
  }
  const bool patient = is_patient();
  natsOptions_SetRetryOnFailedConnect(connection.options, patient,
                                      patient ? Callbacks::on_connected : nullptr, this);
  const natsStatus status = natsConnection_Connect(&connection.raw, connection.options);
  if (status == NATS_OK) {
    link(Link::connected, server_of(connection.raw));
    return true;
  }
  complain("connect-failed", status);
  if (status == NATS_NOT_YET_CONNECTED) return true;  // libnats goes on trying
  callback_ended();
  return false;
}

void Wire::serve(Connection& connection) {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    if (connection.subscribed < subscriptions_.size()) {
      Subscription& next = subscriptions_[connection.subscribed++];
      ++live_callbacks_;
      lock.unlock();
      subscribe_one(connection, next);
      lock.lock();
    } else if (linked_ && !outgoing_.empty()) {
      std::deque<Outgoing> batch = std::exchange(outgoing_, {});
      lock.unlock();
      publish_batch(connection, std::move(batch));
      lock.lock();
    } else if (stopping_) {
      break;
    } else {
      changed_.wait(lock);
    }
  }
  const bool flush = stopping_ && linked_;
  lock.unlock();
  if (flush) natsConnection_FlushTimeout(connection.raw, to_ms(final_flush));
}

void Wire::subscribe_one(Connection& connection, Subscription& subscription) {
  natsSubscription* raw = nullptr;
  natsStatus status = natsConnection_Subscribe(&raw, connection.raw, subscription.subject.c_str(),
                                               Callbacks::on_message, &subscription);
  if (status != NATS_OK) {
    callback_ended();
    logger_.error("subscribe-failed",
                  {{"subject", subscription.subject}, {"status", natsStatus_GetText(status)}});
    return;
  }
  // Ours are the bounds that count; libnats' only hold while its delivery thread is behind.
  natsSubscription_SetPendingLimits(
      raw, static_cast<int>(std::min<size_t>(options_.pending_messages_max, INT32_MAX)),
      static_cast<int>(std::min<size_t>(options_.pending_bytes_max, INT32_MAX)));
  status = natsSubscription_SetOnCompleteCB(raw, Callbacks::on_complete, &subscription);
  if (status != NATS_OK) {
    // The connection has been closed since, and the subscription with it. The next connection
    // subscribes again.
    natsSubscription_Destroy(raw);
    return callback_ended();
  }
  const std::lock_guard lock(mutex_);
  present_subscriptions_.push_back(raw);
}

namespace {

uint64_t dropped_by(const std::vector<natsSubscription*>& subscriptions) {
  uint64_t dropped = 0;
  for (natsSubscription* subscription : subscriptions) {
    int64_t count = 0;
    if (natsSubscription_GetDropped(subscription, &count) == NATS_OK)
      dropped += static_cast<uint64_t>(count);
  }
  return dropped;
}

}  // namespace

uint64_t Wire::dropped_by_libnats() {
  const std::lock_guard lock(mutex_);
  return dropped_before_ + dropped_by(present_subscriptions_);
}

void Wire::publish_batch(Connection& connection, std::deque<Outgoing> batch) {
  while (!batch.empty()) {
    {
      const std::lock_guard lock(mutex_);
      if (!linked_) {  // what is left waits, in front of what came since
        outgoing_.insert(outgoing_.begin(), std::make_move_iterator(batch.begin()),
                         std::make_move_iterator(batch.end()));
        return;
      }
      outgoing_bytes_ -= size_of(batch.front().message);
    }
    publish_one(connection, batch.front());
    batch.pop_front();
  }
}

void Wire::publish_one(Connection& connection, const Outgoing& outgoing) {
  const Message& message = outgoing.message;
  // Read anew for each: this thread may have been stopped between two of them.
  if (outgoing.latest != BootInstant::max() && SystemBootClock().now() >= outgoing.latest) {
    dropped_publishes_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const int size = static_cast<int>(message.payload.size());
  const natsStatus status =
      message.reply.empty()
          ? natsConnection_Publish(connection.raw, message.subject.c_str(), message.payload.data(),
                                   size)
          : natsConnection_PublishRequest(connection.raw, message.subject.c_str(),
                                          message.reply.c_str(), message.payload.data(), size);
  if (status == NATS_OK) return;
  dropped_publishes_.fetch_add(1, std::memory_order_relaxed);
  logger_.warn("publish-dropped",
               {{"subject", message.subject}, {"status", natsStatus_GetText(status)}});
}

void Wire::close(Connection& connection) {
  link(Link::disconnected, {});
  std::unique_lock lock(mutex_);
  dropped_before_ += dropped_by(present_subscriptions_);
  const std::vector<natsSubscription*> ended = std::exchange(present_subscriptions_, {});
  lock.unlock();
  for (natsSubscription* subscription : ended) natsSubscription_Destroy(subscription);
  natsConnection_Destroy(connection.raw);
  lock.lock();
  changed_.wait(lock, [this] { return live_callbacks_ == 0; });
}

bool Wire::rest(Duration duration) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, duration, [this] { return stopping_; });
}

}  // namespace causeway::nats
