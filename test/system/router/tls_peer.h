#pragma once

#include <string>

#include <openssl/ssl.h>

#include "test/support/certificates.h"
#include "test/support/raw_client.h"

namespace causeway::test {

// The server's side of TLS on an accepted connection. Owner and thread: the script of a backend.
class TlsPeer {
 public:
  TlsPeer(RawSocket& socket, const Authority& authority, const Authority::Files& own,
          bool wants_certificate)
      : context_(SSL_CTX_new(TLS_method())) {
    SSL_CTX_use_certificate_chain_file(context_.get(), own.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_.get(), own.key.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_load_verify_locations(context_.get(), authority.certificate().c_str(), nullptr);
    if (wants_certificate)
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                         nullptr);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket.descriptor());
  }

  bool shake_hands() { return SSL_accept(ssl_.get()) == 1; }
  // A head without a body; "" at the end.
  std::string receive_head() {
    std::string head;
    char byte;
    while (!head.ends_with("\r\n\r\n")) {
      if (SSL_read(ssl_.get(), &byte, 1) != 1) return {};
      head += byte;
    }
    return head;
  }
  void send(const std::string& text) {
    SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }

 private:
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL> ssl_;
};

// A PEM text as a value of YAML.
inline std::string quoted(const std::string& pem) {
  std::string text = "\"";
  for (const char c : pem) text += c == '\n' ? std::string("\\n") : std::string(1, c);
  return text + "\"";
}

}  // namespace causeway::test
