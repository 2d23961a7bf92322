#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "log/logger.h"
#include "nats/client.h"
#include "net/mailbox.h"

struct __natsSubscription;  // libnats' natsSubscription

namespace causeway::nats {

// What comes from libnats' threads to the loop.
struct Event {
  enum class What : uint8_t { message, no_responders, link };
  What what = What::message;
  uint64_t subscription = 0;
  Message message = {};
  Link link = Link::connecting;
  std::string server = {};  // host:port
};

// Messages that wait for the loop: counted by libnats' delivery thread, which drops beyond the
// bounds, and by the loop.
struct Waiting {
  std::atomic<uint64_t> messages{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> dropped{0};
};

inline size_t size_of(const Message& message) {
  return message.subject.size() + message.reply.size() + message.payload.size();
}

// The thread that talks to libnats, since any of its calls may block, and the libnats objects,
// which never leave it. libnats' callbacks come on threads of its own and do one thing each: post
// to the mailbox, note the link's state. Owner: the Client. Its destructor sends what waits, closes
// the connection and returns when no callback can come any more.
class Wire {
 public:
  Wire(const Options& options, const log::Logger& logger, net::Mailbox<Event>& mailbox,
       Waiting& waiting);
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire();

  // The loop's thread calls these.
  void subscribe(uint64_t id, std::string subject);
  // False: no room, or no such subject can be.
  // What has not been given to libnats before `latest` is dropped.
  [[nodiscard]] bool publish(Message message, BootInstant latest);
  // Messages that libnats dropped because its delivery thread was behind.
  uint64_t dropped_by_libnats();
  uint64_t dropped_publishes() const { return dropped_publishes_.load(std::memory_order_relaxed); }

 private:
  struct Subscription {
    Wire* wire;
    uint64_t id;
    std::string subject;
  };
  struct Outgoing {
    Message message;
    BootInstant latest;
  };
  struct Connection;
  struct Callbacks;  // what libnats' threads call

  // On the wire's own thread.
  void run();
  bool open(Connection& connection);
  bool is_patient();
  bool may_try_again(uint32_t tries);
  void serve(Connection& connection);
  void close(Connection& connection);
  void subscribe_one(Connection& connection, Subscription& subscription);
  void publish_batch(Connection& connection, std::deque<Outgoing> batch);
  void publish_one(Connection& connection, const Outgoing& outgoing);
  bool rest(Duration duration);
  void complain(std::string_view what, int status);

  // On libnats' threads too.
  void deliver(Event event);
  void link(Link state, std::string server);
  void connection_closed();
  void callback_ended();

  const Options options_;
  const log::Logger logger_;
  net::Mailbox<Event>& mailbox_;
  Waiting& waiting_;
  std::atomic<uint64_t> dropped_publishes_{0};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Subscription> subscriptions_;  // grows only: libnats holds pointers
  std::deque<Outgoing> outgoing_;
  size_t outgoing_bytes_ = 0;
  std::vector<__natsSubscription*> present_subscriptions_;  // of the present connection
  uint64_t dropped_before_ = 0;  // by subscriptions of earlier connections
  size_t live_callbacks_ = 0;    // subscriptions and connections that libnats may still call for
  bool stopping_ = false;
  bool linked_ = false;
  bool was_linked_ = false;  // ever: the next link is a reconnect
  bool closed_ = false;      // libnats has given the present connection up

  std::thread thread_;  // last
};

}  // namespace causeway::nats
