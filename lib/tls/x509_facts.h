#pragma once

// Internal to lib/tls.

#include <string>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls/certificate.h"
#include "tls/subject.h"

namespace causeway::tls {

Subject subject_of(const X509_NAME* name);
// As RFC 2253 writes it, with UTF-8 as it is.
std::string text_of(const X509_NAME* name);
CertificateFacts facts_of(X509* certificate);

}  // namespace causeway::tls
