#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/boot_clock.h"
#include "base/result.h"

namespace causeway::net {
class Loop;
}
namespace causeway::log {
class Logger;
}

namespace causeway::nats {

struct Options {
  struct Server {
    std::string host;
    uint16_t port = 4222;
    std::string user, password;
  };
  // Mutual TLS to every server, by libnats' own OpenSSL: TLS 1.2 or 1.3, forward secrecy and AEAD
  // only. PEM texts.
  struct Tls {
    std::string
        authorities;  // who may have signed the servers' certificates; no others are trusted
    std::string certificate;  // ours with its chain, and its key; both empty: none is shown
    std::string key;
    std::string server_name;  // that the servers' certificates must hold; "": the host dialled
  };
  std::vector<Server> servers;  // tried in random order, for ever
  std::optional<Tls> tls = {};
  std::string name;  // shown by the server's monitoring
  Duration reconnect_wait = std::chrono::seconds(2);
  Duration ping_interval = std::chrono::seconds(20);  // two missed: stale
  Duration connect_timeout = std::chrono::seconds(2);
  // How often all servers are tried before the first connection, and the time between: then the
  // link is closed. 0: for ever.
  uint32_t first_tries = 0;
  Duration first_try_wait = std::chrono::milliseconds(100);
  size_t pending_messages_max =
      131'072;  // waiting for our loop; beyond it messages are dropped and counted
  size_t pending_bytes_max = 134'217'728;
};

struct Message {
  std::string subject;
  std::string reply;  // "" when no answer is wanted
  std::string payload;
};

// closed: nothing more is tried, since the options name no usable server or certificate, or the
// first tries have failed. Later a server that refuses us is tried again for ever.
enum class Link : uint8_t { connecting, connected, disconnected, reconnected, closed };

// A connection to a NATS cluster. libnats' own threads only post to a mailbox; all callbacks here
// come on the loop, in order of arrival. While disconnected, publishes are kept up to 1 MiB and
// sent on reconnect, further ones are dropped and counted. Owner: main(). Thread: its loop's.
class Client {
 public:
  using OnMessage = std::function<void(const Message&)>;
  using OnLink = std::function<void(Link, std::string_view server)>;

  // Returns at once; the first connection is tried in the background and repeated until it stands
  // (Link::connected).
  Client(net::Loop& loop, const log::Logger& logger, Options options, OnLink on_link);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Wildcards as in NATS. May be called before the link stands; survives reconnects. Lasts as long
  // as the client.
  void subscribe(std::string_view subject, OnMessage on_message);
  Result<void> publish(std::string_view subject, std::string_view payload,
                       std::string_view reply = {});
  // What has not been given to libnats by then is dropped and counted instead.
  Result<void> publish_before(BootInstant latest, std::string_view subject,
                              std::string_view payload);
  // Calls back once with the first answer, or Fault::timeout.
  void request(std::string_view subject, std::string_view payload, Duration timeout,
               std::function<void(Result<Message>)> on_answer);

  bool is_connected() const;
  uint64_t dropped_messages() const;  // in
  uint64_t waiting_messages() const;
  uint64_t dropped_publishes() const;  // out

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::nats
