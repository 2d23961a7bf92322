#pragma once

#include <fcntl.h>
#include <poll.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "test/support/certificates.h"
#include "test/support/raw_client.h"

namespace causeway::test {

// A client that speaks TLS with a router, and tells what came of it. Owner and thread: the test's.
class TlsClient {
 public:
  struct Options {
    std::string server_name = "localhost";  // SNI; empty: none
    int least = TLS1_2_VERSION;             // as BoringSSL numbers them
    int most = TLS1_3_VERSION;
    std::string ciphers = {};
    std::vector<std::string> alpn = {};
    const Authority::Files* own = nullptr;  // a certificate to show
    SSL_SESSION* session = nullptr;         // to resume
    std::string first = {};                 // sent before TLS begins
  };

  TlsClient(uint16_t port, const Options& options)
      : socket_(RawSocket::connect(port)), context_(SSL_CTX_new(TLS_method())) {
    SSL_CTX_set_min_proto_version(context_.get(), static_cast<uint16_t>(options.least));
    SSL_CTX_set_max_proto_version(context_.get(), static_cast<uint16_t>(options.most));
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context_.get(), keep_session);
    SSL_CTX_set_app_data(context_.get(), this);
    if (!options.ciphers.empty())
      SSL_CTX_set_strict_cipher_list(context_.get(), options.ciphers.c_str());
    if (options.own != nullptr) {
      SSL_CTX_use_certificate_chain_file(context_.get(), options.own->certificate.c_str());
      SSL_CTX_use_PrivateKey_file(context_.get(), options.own->key.c_str(), SSL_FILETYPE_PEM);
    }
    socket_.send(options.first);
    ssl_.reset(SSL_new(context_.get()));
    if (!options.server_name.empty())
      SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str());
    SSL_enable_ocsp_stapling(ssl_.get());
    std::string alpn;
    for (const std::string& each : options.alpn) alpn += static_cast<char>(each.size()) + each;
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const uint8_t*>(alpn.data()),
                        static_cast<unsigned>(alpn.size()));
    if (options.session != nullptr) SSL_set_session(ssl_.get(), options.session);
    SSL_set_fd(ssl_.get(), socket_.descriptor());
    is_connected_ = SSL_connect(ssl_.get()) == 1;
    if (!is_connected_) note_failure();
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool is_connected() const { return is_connected_; }
  // "TLSV1_ALERT_UNKNOWN_CA" or the like, of what failed first; "" when nothing has.
  const std::string& failure() const { return failure_; }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  std::string cipher() const {
    return SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl_.get()));
  }
  bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  std::string protocol() const {
    const uint8_t* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  // "CN=a" of the router's certificate, with the kind of its key: "CN=a RSA".
  std::string certificate() const {
    const bssl::UniquePtr<X509> shown(SSL_get_peer_certificate(ssl_.get()));
    if (shown == nullptr) return {};
    char text[256];
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, text,
                              sizeof text);
    const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(shown.get()));
    return std::string(text) + (EVP_PKEY_id(key.get()) == EVP_PKEY_RSA ? " RSA" : " ECDSA");
  }
  std::string ocsp_response() const {
    const uint8_t* bytes = nullptr;
    size_t size = 0;
    SSL_get0_ocsp_response(ssl_.get(), &bytes, &size);
    return {reinterpret_cast<const char*>(bytes), size};
  }
  // The newest session that the router offered; after a request at the earliest in TLS 1.3.
  SSL_SESSION* session() const { return session_.get(); }

  bool send(std::string_view text) {
    if (!is_connected_) return false;
    return SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) > 0;
  }
  // Sends until nobody takes any more for a while; what was sent.
  size_t send_until_full(size_t most) {
    ::fcntl(socket_.descriptor(), F_SETFL, O_NONBLOCK);
    SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    const std::string bytes(16 << 10, 'u');
    size_t sent = 0;
    while (sent < most) {
      const int count = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (count > 0) {
        sent += static_cast<size_t>(count);
        continue;
      }
      if (SSL_get_error(ssl_.get(), count) != SSL_ERROR_WANT_WRITE) break;
      pollfd watched{.fd = socket_.descriptor(), .events = POLLOUT, .revents = 0};
      if (::poll(&watched, 1, 300) != 1) break;
    }
    return sent;
  }
  // Says close_notify and closes with RST.
  void vanish() {
    SSL_shutdown(ssl_.get());
    socket_.reset();
  }
  // Some bytes; "" at the end or a failure, failure() tells which.
  std::string receive() {
    char bytes[4096];
    const int count = is_connected_ ? SSL_read(ssl_.get(), bytes, sizeof bytes) : 0;
    if (count > 0) return {bytes, static_cast<size_t>(count)};
    if (is_connected_ && SSL_get_error(ssl_.get(), count) != SSL_ERROR_ZERO_RETURN) note_failure();
    return {};
  }
  // One request and its reply, which has a length; status 0 when there is none.
  RawMessage get(const std::string& host, const std::string& lines = {},
                 const std::string& target = "/") {
    send("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n");
    std::string text;
    RawMessage reply;
    for (std::string more; !(more = receive()).empty();) {
      text += more;
      const size_t end = text.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      reply.head = text.substr(0, end + 4);
      reply.body = text.substr(end + 4);
      const std::string length = reply.header("Content-Length");
      if (length.empty() || reply.body.size() < std::strtoul(length.c_str(), nullptr, 10)) continue;
      reply.is_whole = true;
      return reply;
    }
    return reply;
  }

 private:
  static int keep_session(SSL* ssl, SSL_SESSION* session) {
    auto* client = static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    client->session_.reset(session);
    return 1;
  }
  void note_failure() {
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    if (failure_.empty()) failure_ = reason == nullptr ? "connection ended" : reason;
    ERR_clear_error();
  }

  RawSocket socket_;
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL_SESSION> session_;
  bssl::UniquePtr<SSL> ssl_;
  std::string failure_;
  bool is_connected_ = false;
};

}  // namespace causeway::test
