#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace causeway::net {
class Address;
class Loop;
class Resolver;
}  // namespace causeway::net

namespace causeway::rpc {

class Identity;

using HeaderList = std::vector<std::pair<std::string, std::string>>;
// Value of the first header of that name, without case; "" when absent.
std::string_view header_value(const HeaderList& headers, std::string_view name);

// How names become addresses: net::Resolver::start_all, or a test's own.
using ResolveAll = std::function<std::unique_ptr<net::Resolver>(
    net::Loop& loop, const std::string& host, uint16_t port,
    std::function<void(Result<std::vector<net::Address>>)> on_all)>;

struct Reply {
  int status = 0;
  HeaderList headers = {};
  std::string body = {};
  std::string_view header(std::string_view name) const;  // without case; "" when absent
};

struct Call {
  std::string method = "POST";
  // http://host:port/path?query; https needs a client with an identity, else Fault::unsupported.
  std::string url = {};
  HeaderList headers = {};  // Host, Content-Length, Connection are added
  std::string body = {};
  Duration timeout = std::chrono::seconds(10);  // whole call
  size_t body_bytes_max = 64u << 20;            // of the reply: Fault::limit beyond
};

// An HTTP/1.1 client for calls between our own services: keep-alive pool per
// scheme, host and port, names resolved, mutual TLS with the certificates of an identity, one
// silent retry on a kept connection that turns out dead before any reply byte. Owner: a service,
// which may end it inside a callback. Thread: its loop's.
class Client {
 public:
  struct Options {
    size_t connections_per_host_max = 64;  // further calls wait in order
    size_t waiting_calls_max = 10'000;     // Fault::limit beyond
    Duration idle_timeout = std::chrono::seconds(60);
    Duration connect_timeout = std::chrono::seconds(5);
    Identity* identity = nullptr;  // for https; outlives the client
    bool requires_tls = false;     // http is Fault::unsupported
    // Asked right before a request's first byte leaves. No: the call fails, unsent, with
    // Fault::refused. Absent: always.
    std::function<bool()> may_send = {};
    ResolveAll resolve = {};  // absent: by the machine's name service
  };
  using OnReply = std::function<void(Result<Reply>)>;

  explicit Client(net::Loop& loop);
  Client(net::Loop& loop, Options options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();  // calls under way are dropped without a callback

  // Calls back exactly once, never from inside send().
  void send(Call call, OnReply on_reply);

  // A server-sent event stream (WHATWG event-stream framing) that stays open. Owner: the
  // subscriber; destruction ends it.
  struct StreamEvents {
    std::function<void()> on_open = {};  // 200 came
    std::function<void(std::string_view id, std::string_view event, std::string_view data)>
        on_event;
    std::function<void(Error)> on_close = {};  // once: also when it could not be opened
  };
  class EventStream {
   public:
    virtual ~EventStream() = default;
  };
  // `call.timeout` bounds only the time until the reply's head.
  // Independent of the client afterwards; may be dropped inside any of its callbacks.
  std::unique_ptr<EventStream> subscribe(Call call, StreamEvents events);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::rpc
