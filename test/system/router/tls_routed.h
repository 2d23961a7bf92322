#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "test/support/certificates.h"
#include "test/system/router/routed.h"
#include "test/system/router/tls_client.h"
#include "test/system/router/tls_peer.h"

namespace causeway::test {

inline constexpr const char* kSuites = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";

// A router with an https listener, and a backend that answers with the head it gets, at app.d.
// Owner and thread: the test's.
class TlsRouted {
 public:
  struct Options {
    std::vector<Authority::Files> certificates = {};
    std::string validation = "none";
    std::string more = {};  // further lines of YAML
    std::string suites = kSuites;
    bool in_files = false;  // certificates stay in their files
  };

  explicit TlsRouted(const Options& options) : port_(free_port()) {
    std::string yaml = "enable_ssl: true\nssl_port: " + std::to_string(port_) +
                       "\ncipher_suites: " + options.suites +
                       "\nclient_cert_validation: " + options.validation + "\ntls_pem:\n";
    for (const Authority::Files& files : options.certificates) {
      if (options.in_files) {
        yaml +=
            "- {cert_chain_file: " + files.certificate + ", private_key_file: " + files.key + "}\n";
        continue;
      }
      yaml += "- {cert_chain: " + quoted(Authority::text_of(files.certificate)) +
              ", private_key: " + quoted(Authority::text_of(files.key)) + "}\n";
    }
    routed_ = std::make_unique<Routed>(yaml + options.more);
    routed_->add("app.d", backend_.port());
  }

  Routed& operator*() { return *routed_; }
  Routed* operator->() { return routed_.get(); }
  uint16_t port() const { return port_; }
  std::unique_ptr<TlsClient> connect(const TlsClient::Options& options) const {
    return std::make_unique<TlsClient>(port_, options);
  }
  std::unique_ptr<TlsClient> connect() const { return connect(TlsClient::Options{}); }
  // What the backend saw of a request.
  static RawMessage seen(const RawMessage& reply) {
    RawMessage request;
    request.head = reply.body;
    return request;
  }
  uint16_t backend_port() const { return backend_.port(); }

 private:
  static FakeBackend::Serve tells_its_request() {
    return [](RawSocket& peer, size_t) {
      for (RawMessage request; (request = read_request(peer)).is_whole;) {
        if (!peer.send(ok_reply(request.head))) return;
      }
    };
  }

  uint16_t port_;
  FakeBackend backend_{tells_its_request()};
  std::unique_ptr<Routed> routed_;
};

}  // namespace causeway::test
