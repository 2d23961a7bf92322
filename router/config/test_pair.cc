#include "router/config/test_pair.h"

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"

namespace causeway::router {

namespace {

std::string contents(const bssl::UniquePtr<BIO>& bio) {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  CHECK(BIO_mem_contents(bio.get(), &bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

PemPair make_pem_pair() {
  const bssl::UniquePtr<EC_KEY> curve(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  CHECK(EC_KEY_generate_key(curve.get()) == 1);
  const bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  CHECK(EVP_PKEY_set1_EC_KEY(key.get(), curve.get()) == 1);

  const bssl::UniquePtr<X509> certificate(X509_new());
  CHECK(X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  CHECK(X509_set_pubkey(certificate.get(), key.get()) == 1);
  CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);

  const bssl::UniquePtr<BIO> certificate_text(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1);
  const bssl::UniquePtr<BIO> key_text(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr) == 1);
  return {contents(certificate_text), contents(key_text)};
}

}  // namespace causeway::router
