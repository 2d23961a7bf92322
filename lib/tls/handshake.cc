#include "tls/handshake.h"

#include <arpa/inet.h>

#include <array>
#include <ctime>
#include <utility>

#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "net/loop.h"
#include "net/timer.h"
#include "tls/context_state.h"
#include "tls/server_policy.h"
#include "tls/tls_stream.h"
#include "tls/x509_facts.h"

namespace causeway::tls {
namespace {

bool is_numeric(const std::string& host) {
  std::array<uint8_t, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

// A client's certificate, or null.
std::unique_ptr<PeerCertificate> peer_of(const SSL* ssl) {
  const bssl::UniquePtr<X509> shown(SSL_get_peer_certificate(ssl));
  if (shown == nullptr) return nullptr;
  auto peer = std::make_unique<PeerCertificate>();
  peer->facts = facts_of(shown.get());
  const CRYPTO_BUFFER* leaf = sk_CRYPTO_BUFFER_value(SSL_get0_peer_certificates(ssl), 0);
  peer->der.assign(reinterpret_cast<const char*>(CRYPTO_BUFFER_data(leaf)),
                   CRYPTO_BUFFER_len(leaf));
  return peer;
}

// A session outlives a certificate's last day; the client does not.
bool has_expired(const Secured& secured) {
  return secured.is_resumed && secured.peer != nullptr &&
         secured.peer->facts.not_after_unix <= std::time(nullptr);
}

class TlsHandshake final : public Handshake {
 public:
  TlsHandshake(std::unique_ptr<net::Stream> carrier, bssl::UniquePtr<SSL> ssl, Side peer_side,
               Duration timeout, OnSecured on_secured)
      : on_secured_(std::move(on_secured)),
        peer_side_(peer_side),
        deadline_(carrier->loop()),
        stream_(std::make_unique<TlsStream>(std::move(carrier), std::move(ssl), peer_side)) {
    if (timeout > Duration::zero()) {
      deadline_.once(timeout, [this] {
        const Error late{.fault = Fault::timeout, .side = peer_side_, .detail = "TLS handshake"};
        finish(&late);
      });
    }
    stream_->shake_hands([this](const Error* error) { finish(error); });
  }
  TlsHandshake(const TlsHandshake&) = delete;
  TlsHandshake& operator=(const TlsHandshake&) = delete;

  TlsStream& stream() { return *stream_; }

 private:
  // The owner may end this object in its callback: nothing is touched afterwards.
  void finish(const Error* error) {
    deadline_.disarm();
    const OnSecured callback = std::move(on_secured_);
    if (error != nullptr) {
      const Error copy = *error;
      stream_.reset();
      return callback(copy);
    }
    Secured secured;
    const SSL* ssl = stream_->ssl();
    const uint8_t* name = nullptr;
    unsigned bytes = 0;
    SSL_get0_alpn_selected(ssl, &name, &bytes);
    secured.protocol.assign(reinterpret_cast<const char*>(name), bytes);
    secured.version = SSL_get_version(ssl);
    if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl); cipher != nullptr)
      secured.cipher = SSL_CIPHER_standard_name(cipher);
    secured.is_resumed = SSL_session_reused(ssl) == 1;
    if (peer_side_ == Side::client) {
      secured.server_name = server_name_of(ssl);
      secured.domain = ServerPolicy::of(ssl).client_policy(secured.server_name).domain;
      secured.peer = peer_of(ssl);
      if (has_expired(secured)) {
        stream_.reset();
        return callback(Error{.fault = Fault::protocol,
                              .side = peer_side_,
                              .detail = "TLS: the resumed session's certificate has expired"});
      }
    }
    secured.stream = std::move(stream_);
    callback(std::move(secured));
  }

  OnSecured on_secured_;
  Side peer_side_;
  net::Timer deadline_;
  std::unique_ptr<TlsStream> stream_;
};

}  // namespace

std::unique_ptr<Handshake> Handshake::connect(std::unique_ptr<net::Stream> carrier,
                                              const ClientContext& context,
                                              const ConnectOptions& options, OnSecured on_secured) {
  bssl::UniquePtr<SSL> ssl(SSL_new(context.state().context.get()));
  CHECK(ssl != nullptr);  // out of memory only
  SSL_set_connect_state(ssl.get());
  const std::string& name = options.server_name;
  if (!name.empty()) {
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl.get());
    if (is_numeric(name)) {
      CHECK(X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) == 1);
    } else {
      // Names that are none (too long) cannot be sent, and no certificate has them.
      if (SSL_set_tlsext_host_name(ssl.get(), name.c_str()) != 1)
        SSL_set_tlsext_host_name(ssl.get(), nullptr);
      CHECK(X509_VERIFY_PARAM_set1_host(wanted, name.data(), name.size()) == 1);
    }
  }
  if (!options.alpn.empty())
    CHECK(SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const uint8_t*>(options.alpn.data()),
                              static_cast<unsigned>(options.alpn.size())) == 0);
  if (options.sessions != nullptr) {
    const SSL_CTX* const made_under = context.state().context.get();
    if (const auto session = options.sessions->state().take(name, made_under); session != nullptr)
      CHECK(SSL_set_session(ssl.get(), session.get()) == 1);
  }
  auto handshake = std::make_unique<TlsHandshake>(std::move(carrier), std::move(ssl), Side::backend,
                                                  options.timeout, std::move(on_secured));
  if (options.sessions != nullptr) handshake->stream().keep_sessions(*options.sessions, name);
  return handshake;
}

std::unique_ptr<Handshake> Handshake::accept(std::unique_ptr<net::Stream> carrier,
                                             const ServerContext& context,
                                             const AcceptOptions& options, OnSecured on_secured) {
  bssl::UniquePtr<SSL> ssl(SSL_new(context.state().context.get()));
  CHECK(ssl != nullptr);  // out of memory only
  SSL_set_accept_state(ssl.get());
  SSL_set_shed_handshake_config(ssl.get(), 1);
  auto handshake = std::make_unique<TlsHandshake>(std::move(carrier), std::move(ssl), Side::client,
                                                  options.timeout, std::move(on_secured));
  handshake->stream().take_first(options.first_bytes);
  return handshake;
}

}  // namespace causeway::tls
