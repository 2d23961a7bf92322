#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "net/tcp.h"
#include "net/timer.h"
#include "router/route/endpoint.h"
#include "tls/handshake.h"

namespace causeway::router {

// The way to an endpoint: name lookup, connecting, TLS. Used again for the next one.
// Owner: who needs the connection. Thread: its worker's. Ends: told, given up, or with its owner.
class Dial {
 public:
  enum class Stage : uint8_t { lookup, connect, tls };
  // What each stage took; zero for those that were not needed.
  struct Times {
    Duration lookup{};
    Duration connect{};
    Duration tls{};
  };
  struct Dialled {
    std::unique_ptr<net::Stream> stream;
    bool speaks_http2 = false;  // agreed upon, or known before
  };
  // Told once, never from inside start(). The dial may be started again, or end, inside of it.
  class User {
   public:
    virtual void on_dialled(Dialled dialled) = 0;
    virtual void on_dial_failed(Stage stage, const Error& error) = 0;

   protected:
    ~User() = default;
  };

  // Whom to reach; outlives the endpoint it was made of.
  struct Target {
    Target() = default;
    explicit Target(const Endpoint& endpoint);
    std::string host;  // empty: `address` is all
    net::Address address;
    bool is_tls = false;
    std::string server_name;  // to be sent and verified
  };
  struct Options {
    Duration connect_timeout = std::chrono::seconds(5);  // with the lookup of the name
    Duration handshake_timeout = std::chrono::seconds(10);
    Duration keep_alive_probe{};
    const tls::ClientContext* tls = nullptr;  // needed by targets with TLS
    tls::SessionCache* sessions = nullptr;
  };
  // plain: HTTP/1 is all that is offered. if_agreed: HTTP/2 by ALPN. known: HTTP/2, also without
  // TLS, where nothing can be agreed upon.
  enum class Http2 : uint8_t { no, if_agreed, known };

  Dial(net::Loop& loop, User& user) : loop_(loop), user_(user) {}
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  void start(const Target& target, const Options& options, Http2 http2);
  // Nothing is told any more.
  void give_up();
  // Of the latest dial.
  const Times& times() const { return times_; }

 private:
  void look_up(const std::string& host, uint16_t port);
  void connect(const net::Address& address);
  void on_connected(Result<std::unique_ptr<net::Stream>> connected);
  void on_secured(Result<tls::Secured> secured);
  void fail(Stage stage, const Error& error);

  net::Loop& loop_;
  User& user_;
  Options options_;
  Http2 http2_ = Http2::no;
  bool is_tls_ = false;
  std::string server_name_;
  Times times_;
  Instant began_at_{};  // the present stage
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<net::Timer> lookup_deadline_;
  std::unique_ptr<net::Connector> connector_;
  std::unique_ptr<tls::Handshake> handshake_;
};

}  // namespace causeway::router
