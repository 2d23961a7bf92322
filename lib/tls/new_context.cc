#include "tls/new_context.h"

#include "base/check.h"
#include "tls/pem.h"

namespace causeway::tls {
namespace {

constexpr size_t alpn_name_bytes_max = 255;

uint16_t number_of(Version version) {
  switch (version) {
    case Version::tls_1_0:
      return TLS1_VERSION;
    case Version::tls_1_1:
      return TLS1_1_VERSION;
    case Version::tls_1_2:
      return TLS1_2_VERSION;
    case Version::tls_1_3:
      break;
  }
  return TLS1_3_VERSION;
}

}  // namespace

Result<bssl::UniquePtr<SSL_CTX>> new_context(Version least, Version most) {
  if (least > most)
    return Error{.fault = Fault::invalid, .detail = "the least TLS version is above the most"};
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  CHECK(context != nullptr);  // out of memory only
  CHECK(SSL_CTX_set_min_proto_version(context.get(), number_of(least)) == 1);
  CHECK(SSL_CTX_set_max_proto_version(context.get(), number_of(most)) == 1);
  return context;
}

Result<std::string> protocols_on_the_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > alpn_name_bytes_max)
      return Error{.fault = Fault::invalid, .detail = "a protocol's name has 1 to 255 bytes"};
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

Result<void> trust_system(X509_STORE* store) {
  if (X509_STORE_load_locations(store, "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs") != 1)
    return rejected("the system's CA certificates cannot be read");
  return {};
}

}  // namespace causeway::tls
