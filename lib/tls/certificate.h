#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/subject.h"

namespace causeway::tls {

// What a certificate says of itself. A value.
struct CertificateFacts {
  std::vector<std::string> names;  // DNS names of its SAN, else the common name; in lower case
  std::string subject;             // "CN=a,O=b", the most special part first
  Subject parts;
  std::string serial;  // hexadecimal
  int64_t not_before_unix = 0;
  int64_t not_after_unix = 0;
  bool is_authority = false;
};

// Of each certificate in a PEM text, in its order. Fault::invalid with a reason when there is none
// or one cannot be read. Any thread.
Result<std::vector<CertificateFacts>> read_certificates(std::string_view pem);

// An OCSP response (RFC 6960) that can be stapled: whole, good by its own word ("successful").
// Fault::invalid with a reason otherwise. Signature and dates are for clients to check.
Result<void> check_ocsp_response(std::string_view der);

}  // namespace causeway::tls
