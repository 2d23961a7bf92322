#include "tls/handshake.h"

#include <arpa/inet.h>

#include <array>
#include <utility>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "net/loop.h"
#include "net/timer.h"
#include "tls/context_state.h"
#include "tls/tls_stream.h"

namespace causeway::tls {
namespace {

bool is_numeric(const std::string& host) {
  std::array<uint8_t, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, host.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), parsed.data()) == 1;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
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
    if (const char* wanted = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        wanted != nullptr && peer_side_ == Side::client)
      secured.server_name = lower(wanted);
    secured.is_resumed = SSL_session_reused(ssl) == 1;
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
    if (const auto session = options.sessions->state().take(name); session != nullptr)
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
  auto handshake = std::make_unique<TlsHandshake>(std::move(carrier), std::move(ssl), Side::client,
                                                  options.timeout, std::move(on_secured));
  handshake->stream().take_first(options.first_bytes);
  return handshake;
}

}  // namespace causeway::tls
