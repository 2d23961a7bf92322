#include "tls/trouble.h"

#include <string_view>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls/trouble_words.h"

namespace causeway::tls {
namespace {

struct Word {
  Trouble trouble;
  std::string_view text;  // what the failure's detail begins with: ours, not the library's
};

constexpr Word words[] = {
    {Trouble::untrusted, "TLS: the certificate is not trusted: "},
    {Trouble::wrong_name, "TLS: the certificate has another name: "},
    {Trouble::refused_certificate, "TLS: our certificate is refused: "},
    {Trouble::other, "TLS: "},  // last: the others begin with it
};

}  // namespace

Trouble trouble_of(const Error& error) noexcept {
  for (const auto& [trouble, text] : words) {
    if (std::string_view(error.detail).starts_with(text)) return trouble;
  }
  return Trouble::none;
}

Trouble trouble_of_library(uint32_t code, long verified) noexcept {
  if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH ||
      verified == X509_V_ERR_EMAIL_MISMATCH)
    return Trouble::wrong_name;
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return Trouble::other;
  switch (ERR_GET_REASON(code)) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return Trouble::untrusted;
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_CERTIFICATE_REQUIRED:
      return Trouble::refused_certificate;
    default:
      return Trouble::other;
  }
}

std::string_view words_of(Trouble trouble) noexcept {
  for (const Word& each : words) {
    if (each.trouble == trouble) return each.text;
  }
  return {};
}

}  // namespace causeway::tls
