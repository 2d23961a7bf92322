#include "router/front/forwarded_certificate.h"

#include "tls/digest.h"

namespace causeway::router {

std::string forwarded_certificate(const tls::PeerCertificate& certificate,
                                  ClientCertFormat format) {
  if (format == ClientCertFormat::raw) return tls::base64(certificate.der);
  std::string text = "Hash=" + tls::hex(tls::sha256(certificate.der)) + ";Subject=\"";
  for (const char c : certificate.facts.subject) {
    // The name's own escapes stay what they are; a field ends at no other character.
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') continue;
    if (c == '"' && !text.ends_with('\\')) text += '\\';
    text += c;
  }
  return text += '"';
}

}  // namespace causeway::router
