#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <openssl/ssl.h>

#include "test/support/certificates.h"
#include "test/support/fake_backend.h"

namespace causeway::test {

// Ends TLS in front of a script. Owner: the test, longer than its backends. Threads: those of the
// backends.
class TlsBefore {
 public:
  struct Options {
    bool speaks_http2 = true;
    bool wants_certificate = false;
  };

  TlsBefore(const Authority& authority, const Authority::Files& own, Options options)
      : options_(options), context_(SSL_CTX_new(TLS_method())) {
    SSL_CTX_use_certificate_chain_file(context_.get(), own.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), own.key.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_load_verify_locations(context_.get(), authority.certificate().c_str(), nullptr);
    SSL_CTX_set_alpn_select_cb(context_.get(), choose, this);
    if (options.wants_certificate)
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                         nullptr);
  }

  FakeBackend::Serve before(FakeBackend::Serve script) {
    return [this, script = std::move(script)](RawSocket& socket, size_t index) {
      bssl::UniquePtr<SSL> ssl(SSL_new(context_.get()));
      SSL_set_fd(ssl.get(), socket.descriptor());
      if (SSL_accept(ssl.get()) != 1) return;
      if (SSL_session_reused(ssl.get()) == 1) ++resumed;
      note(SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name), *ssl);
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
      RawSocket inner(ends[0]);
      RawSocket outer(ends[1]);
      std::thread thread([&] {
        script(inner, index);
        inner.close();
      });
      pump(*ssl, socket.descriptor(), outer);
      outer.close();
      thread.join();
    };
  }

  std::string server_name() const {
    const std::lock_guard lock(mutex_);
    return server_name_;
  }

  // Common name of the latest client's certificate, "" without one.
  std::string client_name() const {
    const std::lock_guard lock(mutex_);
    return client_name_;
  }

  std::atomic<int> resumed{0};
  std::atomic<int> offers_of_http2{0};

 private:
  void note(const char* name, const SSL& ssl) {
    const bssl::UniquePtr<X509> shown(SSL_get_peer_certificate(&ssl));
    char common_name[64] = {};
    if (shown != nullptr)
      X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, common_name,
                                sizeof common_name);
    const std::lock_guard lock(mutex_);
    client_name_ = common_name;
    server_name_ = name == nullptr ? "" : name;
  }
  static int choose(SSL*, const uint8_t** out, uint8_t* out_bytes, const uint8_t* offered,
                    unsigned offered_bytes, void* self) {
    auto& front = *static_cast<TlsBefore*>(self);
    const std::string_view all(reinterpret_cast<const char*>(offered), offered_bytes);
    if (all.find("h2") == all.npos) return SSL_TLSEXT_ERR_NOACK;
    ++front.offers_of_http2;
    if (!front.options_.speaks_http2) return SSL_TLSEXT_ERR_NOACK;
    static constexpr uint8_t h2[] = {'h', '2'};
    *out = h2;
    *out_bytes = sizeof h2;
    return SSL_TLSEXT_ERR_OK;
  }

  static void pump(SSL& ssl, int descriptor, RawSocket& outer) {
    char buffer[16'384];
    while (true) {
      pollfd watched[] = {{descriptor, POLLIN, 0}, {outer.descriptor(), POLLIN, 0}};
      if (SSL_pending(&ssl) == 0 && ::poll(watched, 2, -1) < 0) return;
      if (SSL_pending(&ssl) > 0 || watched[0].revents != 0) {
        const int size = SSL_read(&ssl, buffer, sizeof buffer);
        if (size <= 0 || !outer.send({buffer, static_cast<size_t>(size)})) return;
      }
      if (watched[1].revents != 0) {
        const std::string bytes = outer.receive(sizeof buffer);
        if (bytes.empty()) {
          SSL_shutdown(&ssl);
          return;
        }
        if (SSL_write(&ssl, bytes.data(), static_cast<int>(bytes.size())) <= 0) return;
      }
    }
  }

  const Options options_;
  mutable std::mutex mutex_;
  std::string server_name_;  // that the latest client asked for
  std::string client_name_;
  bssl::UniquePtr<SSL_CTX> context_;
};

}  // namespace causeway::test
