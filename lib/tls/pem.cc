#include "tls/pem.h"

#include <limits>
#include <string>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace causeway::tls {
namespace {

bssl::UniquePtr<BIO> reader(std::string_view pem) {
  if (pem.size() > static_cast<size_t>(std::numeric_limits<int>::max())) return nullptr;
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Nobody sits at a terminal: an encrypted key is refused instead of asked about.
int no_password(char*, int, int, void*) { return -1; }

bool at_end_of_pem() {
  const uint32_t code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

Result<void> use_chain(SSL_CTX* context, std::string_view pem) {
  const bssl::UniquePtr<BIO> bio = reader(pem);
  if (bio == nullptr) return rejected("the certificate chain is too large");
  int certificates = 0;
  for (;;) {
    const bssl::UniquePtr<X509> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
    if (certificate == nullptr) {
      if (certificates > 0 && at_end_of_pem()) break;
      return rejected(certificates == 0 ? "no PEM certificate can be read"
                                        : "certificate " + std::to_string(certificates + 1) +
                                              " of the chain cannot be read");
    }
    const int used = certificates == 0 ? SSL_CTX_use_certificate(context, certificate.get())
                                       : SSL_CTX_add1_chain_cert(context, certificate.get());
    if (used != 1) return rejected("the certificate cannot be used for TLS");
    ++certificates;
  }
  ERR_clear_error();
  return {};
}

}  // namespace

Error rejected(std::string what) {
  if (const uint32_t code = ERR_peek_last_error(); code != 0) {
    if (const char* reason = ERR_reason_error_string(code); reason != nullptr) {
      what += " (";
      what += reason;
      what += ')';
    }
  }
  ERR_clear_error();
  return Error{.fault = Fault::invalid, .side = Side::self, .detail = std::move(what)};
}

Result<void> use_key_pair(SSL_CTX* context, std::string_view certificate_pem,
                          std::string_view key_pem) {
  ERR_clear_error();
  if (auto used = use_chain(context, certificate_pem); !used) return used;

  const bssl::UniquePtr<BIO> bio = reader(key_pem);
  if (bio == nullptr) return rejected("the private key is too large");
  const bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (key == nullptr) return rejected("no unencrypted PEM private key can be read");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return rejected("the private key does not belong to the certificate");
  }
  return {};
}

Result<std::vector<bssl::UniquePtr<X509>>> parse_certificates(std::string_view pem) {
  ERR_clear_error();
  const bssl::UniquePtr<BIO> bio = reader(pem);
  if (bio == nullptr) return rejected("the certificates are too large");
  std::vector<bssl::UniquePtr<X509>> certificates;
  for (;;) {
    bssl::UniquePtr<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
    if (certificate == nullptr) {
      if (!certificates.empty() && at_end_of_pem()) break;
      return rejected("certificate " + std::to_string(certificates.size() + 1) + " cannot be read");
    }
    certificates.push_back(std::move(certificate));
  }
  ERR_clear_error();
  return certificates;
}

Result<void> trust_certificates(X509_STORE* store, std::string_view ca_pem) {
  const auto certificates = parse_certificates(ca_pem);
  if (!certificates) return certificates.error();
  for (const auto& certificate : *certificates) {
    if (X509_STORE_add_cert(store, certificate.get()) != 1)
      return rejected("a CA certificate cannot be used");
  }
  return {};
}

Result<void> trust_certificates(SSL_CTX* context, std::string_view ca_pem) {
  return trust_certificates(SSL_CTX_get_cert_store(context), ca_pem);
}

}  // namespace causeway::tls
