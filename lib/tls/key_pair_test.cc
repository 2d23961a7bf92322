#include "tls/key_pair.h"

#include <string>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace causeway::tls {
namespace {

std::string text_of(BIO* bio) {
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  EXPECT_EQ(BIO_mem_contents(bio, &bytes, &size), 1);
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

bssl::UniquePtr<EVP_PKEY> new_ec_key() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  EXPECT_EQ(EC_KEY_generate_key(ec.get()), 1);
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  EXPECT_EQ(EVP_PKEY_set1_EC_KEY(key.get(), ec.get()), 1);
  return key;
}

bssl::UniquePtr<EVP_PKEY> new_rsa_key() {
  bssl::UniquePtr<RSA> rsa(RSA_new());
  bssl::UniquePtr<BIGNUM> exponent(BN_new());
  EXPECT_EQ(BN_set_word(exponent.get(), RSA_F4), 1);
  EXPECT_EQ(RSA_generate_key_ex(rsa.get(), 2048, exponent.get(), nullptr), 1);
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  EXPECT_EQ(EVP_PKEY_set1_RSA(key.get(), rsa.get()), 1);
  return key;
}

std::string key_pem(EVP_PKEY* key, const EVP_CIPHER* cipher = nullptr) {
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  char password[] = "secret";
  EXPECT_EQ(
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, cipher == nullptr ? nullptr : password,
                                    cipher == nullptr ? 0 : 6, nullptr, nullptr),
      1);
  return text_of(bio.get());
}

std::string self_signed_pem(EVP_PKEY* key) {
  bssl::UniquePtr<X509> certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const uint8_t*>("router"),
                             -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key);
  EXPECT_GT(X509_sign(certificate.get(), key, EVP_sha256()), 0);
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_X509(bio.get(), certificate.get()), 1);
  return text_of(bio.get());
}

void expect_rejected(const std::string& certificate, const std::string& key,
                     const std::string& words) {
  const auto checked = check_key_pair(certificate, key);
  ASSERT_FALSE(checked) << "expected: " << words;
  EXPECT_EQ(checked.error().fault, Fault::invalid);
  EXPECT_NE(checked.error().detail.find(words), std::string::npos) << checked.error().detail;
}

TEST(KeyPair, accepts_ec_and_rsa_pairs_and_chains) {
  for (const auto& key : {new_ec_key(), new_rsa_key()}) {
    const std::string leaf = self_signed_pem(key.get());
    EXPECT_TRUE(check_key_pair(leaf, key_pem(key.get())));
    EXPECT_TRUE(check_key_pair(leaf + self_signed_pem(new_ec_key().get()), key_pem(key.get())));
  }
}

TEST(KeyPair, refuses_a_key_of_another_certificate) {
  const auto key = new_ec_key();
  const std::string certificate = self_signed_pem(key.get());
  expect_rejected(certificate, key_pem(new_ec_key().get()), "does not belong");
  expect_rejected(certificate, key_pem(new_rsa_key().get()), "does not belong");
}

TEST(KeyPair, says_which_side_cannot_be_read) {
  const auto key = new_ec_key();
  const std::string certificate = self_signed_pem(key.get());
  const std::string pem = key_pem(key.get());
  expect_rejected("", pem, "no PEM certificate");
  expect_rejected("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", pem,
                  "no PEM certificate");
  expect_rejected(pem, pem, "no PEM certificate");
  expect_rejected(certificate, "", "private key");
  expect_rejected(certificate, certificate, "private key");
  expect_rejected(certificate, pem.substr(0, pem.size() / 2), "private key");
  expect_rejected(certificate + certificate.substr(0, certificate.size() / 2), pem,
                  "certificate 2 of the chain");
}

TEST(KeyPair, refuses_an_encrypted_key_without_asking) {
  const auto key = new_ec_key();
  expect_rejected(self_signed_pem(key.get()), key_pem(key.get(), EVP_aes_128_cbc()), "unencrypted");
}

TEST(KeyPair, leaves_no_error_behind) {
  const auto key = new_ec_key();
  expect_rejected("nonsense", "nonsense", "no PEM certificate");
  EXPECT_TRUE(check_key_pair(self_signed_pem(key.get()), key_pem(key.get())));
}

}  // namespace
}  // namespace causeway::tls
