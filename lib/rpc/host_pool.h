#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/loop.h"
#include "net/timer.h"
#include "rpc/client.h"
#include "rpc/dialer.h"
#include "rpc/url.h"

namespace causeway::rpc {

class ClientConnection;
class HostPool;

// One call from send() until its callback. Owner: its pool's line, then the connection that carries
// it.
struct PendingCall {
  PendingCall(net::Loop& loop, Call the_call, Url the_url, Client::OnReply callback)
      : call(std::move(the_call)),
        url(std::move(the_url)),
        on_reply(std::move(callback)),
        deadline(loop) {}

  Call call;
  Url url;
  Client::OnReply on_reply;
  net::Timer deadline;                     // armed from send() on
  bool is_retried = false;                 // its kept connection turned out dead once already
  ClientConnection* connection = nullptr;  // null: waits in line
  std::list<std::unique_ptr<PendingCall>>::iterator place;  // in line
};

// What all pools of a client share.
struct PoolShared {
  net::Loop& loop;
  const Client::Options options;
  size_t waiting_calls = 0;
};

// The connections to one scheme, host and port, kept ones first, and the calls that wait for one.
// Owner: Client. Thread: its loop's. Ends with the client.
class HostPool {
 public:
  HostPool(PoolShared& shared, const Url& url);
  HostPool(const HostPool&) = delete;
  HostPool& operator=(const HostPool&) = delete;
  ~HostPool();

  void submit(std::unique_ptr<PendingCall> pending);
  // No callback comes afterwards.
  void end();

  // From its connections. `reusable`: the reply is whole and the connection can carry another call.
  void finished(ClientConnection& connection, std::unique_ptr<PendingCall> pending,
                Result<Reply> reply, bool reusable);
  // A kept connection died before any byte of a reply.
  void died_unanswered(ClientConnection& connection, std::unique_ptr<PendingCall> pending);
  // An idle one has no further use.
  void idle_ended(ClientConnection& connection);

  PoolShared& shared() { return shared_; }
  const std::string& host() const { return host_; }
  uint16_t port() const { return port_; }
  // For a new connection.
  Dialer::Options dialing();
  Identity* identity() const { return is_tls_ ? shared_.options.identity : nullptr; }

 private:
  void start(std::unique_ptr<PendingCall> pending);
  void serve_next();
  void expire(PendingCall& pending);
  void discard(ClientConnection& connection);

  PoolShared& shared_;
  const std::string host_;
  const uint16_t port_;
  const bool is_tls_;
  std::optional<net::Address> last_good_;  // of the host's addresses
  bool has_ended_ = false;
  std::unordered_map<ClientConnection*, std::unique_ptr<ClientConnection>> connections_;
  std::vector<ClientConnection*> idle_;  // the one used last is taken first
  std::list<std::unique_ptr<PendingCall>> line_;
};

}  // namespace causeway::rpc
