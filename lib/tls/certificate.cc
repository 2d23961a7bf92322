#include "tls/certificate.h"

#include <array>
#include <utility>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "tls/pem.h"
#include "tls/x509_facts.h"

namespace causeway::tls {
namespace {

constexpr std::array<std::pair<int, SubjectPart>, kSubjectParts> part_kinds{{
    {NID_countryName, SubjectPart::country},
    {NID_organizationName, SubjectPart::organization},
    {NID_organizationalUnitName, SubjectPart::organizational_unit},
    {NID_commonName, SubjectPart::common_name},
    {NID_serialNumber, SubjectPart::serial_number},
    {NID_localityName, SubjectPart::locality},
    {NID_stateOrProvinceName, SubjectPart::province},
    {NID_streetAddress, SubjectPart::street_address},
    {NID_postalCode, SubjectPart::postal_code},
}};

std::string text_of(const ASN1_STRING* value) {
  uint8_t* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, value);
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

int64_t unix_of(const ASN1_TIME* time) {
  const bssl::UniquePtr<ASN1_TIME> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (epoch == nullptr || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) return 0;
  return int64_t{days} * 86'400 + seconds;
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  const bssl::UniquePtr<GENERAL_NAMES> alternatives(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (alternatives != nullptr) {
    for (const GENERAL_NAME* each : alternatives.get()) {
      if (each->type == GEN_DNS) names.push_back(lower(text_of(each->d.dNSName)));
    }
    return names;
  }
  const Subject subject = subject_of(X509_get_subject_name(certificate));
  for (const std::string& name : subject.parts[static_cast<size_t>(SubjectPart::common_name)])
    names.push_back(lower(name));
  return names;
}

std::string serial_of(X509* certificate) {
  const bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return {};
  char* const text = BN_bn2hex(number.get());
  std::string serial(text == nullptr ? "" : text);
  OPENSSL_free(text);
  return serial;
}

Error broken_ocsp(const char* what) { return {.fault = Fault::invalid, .detail = what}; }

}  // namespace

Subject subject_of(const X509_NAME* name) {
  Subject subject;
  const int entries = X509_NAME_entry_count(name);
  for (int i = 0; i < entries; ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    for (const auto& [nid, part] : part_kinds) {
      if (kind == nid) subject[part].push_back(text_of(X509_NAME_ENTRY_get_data(entry)));
    }
  }
  subject.settle();
  return subject;
}

std::string text_of(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(bio != nullptr);
  constexpr unsigned long flags =
      XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  X509_NAME_print_ex(bio.get(), const_cast<X509_NAME*>(name), 0, flags);
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  CHECK(BIO_mem_contents(bio.get(), &bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

CertificateFacts facts_of(X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  CertificateFacts facts;
  facts.names = names_of(certificate);
  facts.subject = text_of(name);
  facts.parts = subject_of(name);
  facts.serial = serial_of(certificate);
  facts.not_before_unix = unix_of(X509_get0_notBefore(certificate));
  facts.not_after_unix = unix_of(X509_get0_notAfter(certificate));
  facts.is_authority = X509_check_ca(certificate) != 0;
  ERR_clear_error();
  return facts;
}

Result<std::vector<CertificateFacts>> read_certificates(std::string_view pem) {
  auto certificates = parse_certificates(pem);
  if (!certificates) return std::move(certificates).error();
  std::vector<CertificateFacts> facts;
  for (const auto& certificate : *certificates) facts.push_back(facts_of(certificate.get()));
  return facts;
}

// OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] EXPLICIT SEQUENCE {
// responseType OBJECT IDENTIFIER, response OCTET STRING } }
Result<void> check_ocsp_response(std::string_view der) {
  CBS input, response, status, tagged, bytes, body;
  CBS_init(&input, reinterpret_cast<const uint8_t*>(der.data()), der.size());
  if (CBS_get_asn1(&input, &response, CBS_ASN1_SEQUENCE) != 1 || CBS_len(&input) != 0 ||
      CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) != 1)
    return broken_ocsp("no OCSP response in DER");
  uint8_t word = 0;
  if (CBS_get_u8(&status, &word) != 1 || CBS_len(&status) != 0 || word != 0)
    return broken_ocsp("an OCSP response that says that the responder has failed");
  constexpr unsigned explicit_0 = CBS_ASN1_CONSTRUCTED | CBS_ASN1_CONTEXT_SPECIFIC | 0;
  if (CBS_get_asn1(&response, &tagged, explicit_0) != 1 ||
      CBS_get_asn1(&tagged, &bytes, CBS_ASN1_SEQUENCE) != 1 ||
      CBS_get_asn1(&bytes, nullptr, CBS_ASN1_OBJECT) != 1 ||
      CBS_get_asn1(&bytes, &body, CBS_ASN1_OCTETSTRING) != 1 || CBS_len(&body) == 0)
    return broken_ocsp("an OCSP response without an answer");
  return {};
}

}  // namespace causeway::tls
