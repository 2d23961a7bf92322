#include "tls/key_pair.h"

#include <arpa/inet.h>

#include <array>

#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "tls/pem.h"

namespace causeway::tls {
namespace {

std::string text_in(BIO* bio) {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  CHECK(BIO_mem_contents(bio, &bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

bool is_address(const std::string& name) {
  std::array<uint8_t, sizeof(in6_addr)> parsed{};
  return ::inet_pton(AF_INET, name.c_str(), parsed.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), parsed.data()) == 1;
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, nullptr, nid, value.c_str()));
  CHECK(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

bssl::UniquePtr<EVP_PKEY> make_key() {
  const bssl::UniquePtr<EC_KEY> curve(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  CHECK(curve != nullptr && EC_KEY_generate_key(curve.get()) == 1 &&
        EVP_PKEY_set1_EC_KEY(key.get(), curve.get()) == 1);
  return key;
}

}  // namespace

Result<void> check_key_pair(std::string_view certificate_pem, std::string_view key_pem) {
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  CHECK(context != nullptr);  // out of memory only
  return use_key_pair(context.get(), certificate_pem, key_pem);
}

KeyPair make_self_signed(const std::vector<std::string>& names, Duration lifetime) {
  CHECK(!names.empty());
  const bssl::UniquePtr<EVP_PKEY> key = make_key();
  const bssl::UniquePtr<X509> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  uint32_t serial = 0;
  RAND_bytes(reinterpret_cast<uint8_t*>(&serial), sizeof serial);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial >> 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);  // clocks differ
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()),
                  std::chrono::duration_cast<std::chrono::seconds>(lifetime).count());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const uint8_t*>(names.front().data()),
                             static_cast<int>(names.front().size()), -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key.get());
  std::string alternatives;
  for (const std::string& each : names)
    alternatives +=
        (alternatives.empty() ? "" : ",") + std::string(is_address(each) ? "IP:" : "DNS:") + each;
  add_extension(certificate.get(), NID_subject_alt_name, alternatives);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const bssl::UniquePtr<BIO> chain(BIO_new(BIO_s_mem())), secret(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_X509(chain.get(), certificate.get()) == 1);
  CHECK(PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1);
  return {text_in(chain.get()), text_in(secret.get())};
}

}  // namespace causeway::tls
