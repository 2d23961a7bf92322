#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/stream.h"
#include "tls/certificate.h"
#include "tls/context.h"

namespace causeway::tls {

// Sessions that servers have offered, to resume them: the newest few of each name; each is resumed
// only under the context that it was made under. Owner: who connects again and again. Thread: its
// loop's. Outlives the handshakes and streams it was given to.
class SessionCache {
 public:
  SessionCache();
  SessionCache(const SessionCache&) = delete;
  SessionCache& operator=(const SessionCache&) = delete;
  ~SessionCache();
  size_t size() const;
  // Forgets all: what was agreed upon under certificates that are no longer used.
  void clear();

  // For lib/tls.
  struct State;
  State& state() { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

// The certificate that a client showed, which is good for what was demanded of it.
struct PeerCertificate {
  std::string der;
  CertificateFacts facts;
};

// A stream whose bytes are secret on the wire.
struct Secured {
  std::unique_ptr<net::Stream> stream;
  std::string protocol;     // agreed upon by ALPN; empty: none
  std::string version;      // "TLSv1.3"
  std::string_view cipher;  // as IANA names it: "TLS_AES_128_GCM_SHA256"; of static storage
  std::string server_name;  // that the client asked for by SNI, in lower case; empty: none
  bool is_resumed = false;
  // Of a server's side:
  std::string domain;  // whose rules the client was under (ServerContext::Domain); empty: none
  std::unique_ptr<PeerCertificate> peer;  // null: it showed none, or was not asked
};

// One attempt to agree on keys over a connected stream. Calls back exactly once, never from inside
// its start, unless destroyed first (which closes the connection). Owner: who needs the stream.
// Thread: its loop's.
//
// The stream that comes of it is a net::Stream like any other. Of what differs underneath: its
// shutdown() says close_notify before FIN; its on_end() comes with the peer's close_notify, and a
// FIN without one is a failure (Fault::closed), because anybody on the wire could have sent it;
// while it is paused neither is told, as close_notify is bytes that wait to be read;
// queued_bytes() counts records; descriptor() is the socket's, whose bytes are records, so splice()
// has no business there.
//
// Failures: those of the carrier; Fault::timeout; Fault::closed when the peer ended first;
// Fault::protocol with a reason for people, a certificate that is not trusted among them.
class Handshake {
 public:
  using OnSecured = std::function<void(Result<Secured>)>;

  struct ConnectOptions {
    // Sent as SNI (unless it is an address) and demanded of the certificate. Empty: neither, only
    // the chain is verified.
    std::string server_name = {};
    SessionCache* sessions = nullptr;  // absent: every session is new
    // "\x02h2": protocols as on the wire, each after its length; offered instead of the context's.
    std::string_view alpn = {};
    Duration timeout = std::chrono::seconds(5);
  };
  static std::unique_ptr<Handshake> connect(std::unique_ptr<net::Stream> carrier,
                                            const ClientContext& context,
                                            const ConnectOptions& options, OnSecured on_secured);

  struct AcceptOptions {
    Duration timeout = std::chrono::seconds(10);
    std::string_view first_bytes = {};  // what the client has sent already; gone after the call
  };
  static std::unique_ptr<Handshake> accept(std::unique_ptr<net::Stream> carrier,
                                           const ServerContext& context,
                                           const AcceptOptions& options, OnSecured on_secured);
  virtual ~Handshake() = default;
};

}  // namespace causeway::tls
