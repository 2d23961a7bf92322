#include "nats/client.h"

#include <sys/random.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "nats/wire.h"
#include "net/loop.h"
#include "net/mailbox.h"
#include "net/timer.h"

namespace causeway::nats {
namespace {

// Link events that may wait in the mailbox beside its bound of messages.
constexpr size_t link_events_max = 1024;
// A burst of messages is taken this often, rather than message by message.
constexpr Duration gathering = std::chrono::milliseconds(1);

// A subject must not be able to say anything else to the server.
bool is_subject(std::string_view subject) {
  return !subject.empty() && std::none_of(subject.begin(), subject.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
  });
}

// Where answers come to: nobody else's, and not to be guessed.
std::string new_inbox() {
  unsigned char bytes[16];
  CHECK(::getrandom(bytes, sizeof(bytes), 0) == static_cast<ssize_t>(sizeof(bytes)));
  constexpr char digits[] = "0123456789abcdef";
  std::string inbox = "_INBOX.";
  for (const unsigned char byte : bytes) {
    inbox += digits[byte >> 4];
    inbox += digits[byte & 0xF];
  }
  return inbox + ".";
}

}  // namespace

struct Client::State {
  struct Request {
    std::unique_ptr<net::Timer> timer;
    std::function<void(Result<Message>)> on_answer;
  };

  State(net::Loop& given_loop, const log::Logger& logger, const Options& options,
        OnLink given_on_link)
      : loop(given_loop),
        on_link(std::move(given_on_link)),
        mailbox(
            loop, options.pending_messages_max + link_events_max,
            [this](Event&& event) { take(event); }, gathering),
        wire(options, logger, mailbox, waiting) {}

  void take(const Event& event) {
    if (event.what == Event::What::link) return take_link(event);
    waiting.messages.fetch_sub(1, std::memory_order_relaxed);
    waiting.bytes.fetch_sub(size_of(event.message), std::memory_order_relaxed);
    if (event.subscription < handlers.size()) {
      handlers[event.subscription](event.message);
    } else {
      take_answer(event);
    }
  }

  void take_link(const Event& event) {
    connected = event.link == Link::connected || event.link == Link::reconnected;
    if (!event.server.empty()) server = event.server;
    if (on_link) on_link(event.link, server);
  }

  void take_answer(const Event& event) {
    const auto found = requests.find(event.message.subject);
    if (found == requests.end()) return;  // late, or not the first
    if (event.what == Event::What::no_responders) {
      answer(found, Error{.fault = Fault::unavailable,
                          .side = Side::backend,
                          .detail = "nobody answers this subject"});
    } else {
      answer(found, event.message);
    }
  }

  using Requests = std::map<std::string, Request, std::less<>>;
  void answer(Requests::iterator request, Result<Message> result) {
    const auto on_answer = std::move(request->second.on_answer);
    requests.erase(request);
    on_answer(std::move(result));
  }

  Result<void> publish(std::string_view subject, std::string_view payload, std::string_view reply,
                       BootInstant latest = BootInstant::max()) {
    if (!is_subject(subject) || (!reply.empty() && !is_subject(reply))) {
      return Error{.fault = Fault::invalid, .detail = "not a subject to publish to"};
    }
    if (payload.size() > INT32_MAX)
      return Error{.fault = Fault::limit, .detail = "payload too large"};
    if (wire.publish({std::string(subject), std::string(reply), std::string(payload)}, latest))
      return {};
    return Error{
        .fault = Fault::limit, .retry = Retry::always, .detail = "too much waits to be published"};
  }

  void request(std::string_view subject, std::string_view payload, Duration timeout,
               std::function<void(Result<Message>)> on_answer) {
    if (inbox.empty()) {
      inbox = new_inbox();
      wire.subscribe(UINT64_MAX, inbox + "*");
    }
    const std::string reply = inbox + std::to_string(next_request++);
    const auto [request, fresh] = requests.try_emplace(
        reply, Request{std::make_unique<net::Timer>(loop), std::move(on_answer)});
    CHECK(fresh);
    auto published = publish(subject, payload, reply);
    Error error =
        published
            ? Error{.fault = Fault::timeout, .side = Side::backend, .detail = "no answer in time"}
            : std::move(published).error();
    const Duration delay = published ? timeout : Duration::zero();
    request->second.timer->once(delay, [this, reply, error = std::move(error)] {
      const Error result = error;  // the timer ends with the request
      answer(requests.find(reply), result);
    });
  }

  net::Loop& loop;
  const OnLink on_link;
  bool connected = false;
  std::string server;
  std::deque<OnMessage>
      handlers;       // by subscription; a deque: they may subscribe while one of them runs
  std::string inbox;  // "" until the first request
  uint64_t next_request = 0;
  Requests requests;  // by inbox
  Waiting waiting;
  net::Mailbox<Event> mailbox;
  Wire wire;  // last: posts to the mailbox until its end
};

Client::Client(net::Loop& loop, const log::Logger& logger, Options options, OnLink on_link)
    : state_(std::make_unique<State>(loop, logger.session("nats"), options, std::move(on_link))) {}

Client::~Client() = default;

void Client::subscribe(std::string_view subject, OnMessage on_message) {
  state_->handlers.push_back(std::move(on_message));
  state_->wire.subscribe(state_->handlers.size() - 1, std::string(subject));
}

Result<void> Client::publish(std::string_view subject, std::string_view payload,
                             std::string_view reply) {
  return state_->publish(subject, payload, reply);
}

Result<void> Client::publish_before(BootInstant latest, std::string_view subject,
                                    std::string_view payload) {
  return state_->publish(subject, payload, {}, latest);
}

void Client::request(std::string_view subject, std::string_view payload, Duration timeout,
                     std::function<void(Result<Message>)> on_answer) {
  state_->request(subject, payload, timeout, std::move(on_answer));
}

bool Client::is_connected() const { return state_->connected; }

uint64_t Client::dropped_messages() const {
  return state_->waiting.dropped.load(std::memory_order_relaxed) +
         state_->wire.dropped_by_libnats();
}

uint64_t Client::waiting_messages() const {
  return state_->waiting.messages.load(std::memory_order_relaxed);
}

uint64_t Client::dropped_publishes() const { return state_->wire.dropped_publishes(); }

}  // namespace causeway::nats
