#pragma once

#include <string>

#include "router/settings/settings.h"
#include "tls/handshake.h"

namespace causeway::router {

// A client's certificate as X-Forwarded-Client-Cert says it: the DER in base64, or Envoy's
// Hash=<SHA-256 of the DER>;Subject="<distinguished name>".
std::string forwarded_certificate(const tls::PeerCertificate& certificate, ClientCertFormat format);

}  // namespace causeway::router
